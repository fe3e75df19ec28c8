/** Wakes those who wait for a change of the service status, in the order of registration (R56). */
import type { Wait } from '../model/query.ts';
import type { ServiceStatus } from '../model/service-status.ts';
import { ServiceWaiter, type ServicePredicate } from './service-waiter.ts';
import type { WaiterRegister } from './waiter-register.ts';

/** Those who wait on the service status of one store. */
export class ServiceWaiters {
  readonly #register: WaiterRegister;
  readonly #waiting = new Set<ServiceWaiter>();

  constructor(register: WaiterRegister) {
    this.#register = register;
  }

  /** Registers a wait. */
  add(predicate: ServicePredicate, wait: Wait): Promise<ServiceStatus | undefined> {
    const waiter = new ServiceWaiter(predicate, this.#waiting);
    this.#register.enter(waiter, wait);
    this.#waiting.add(waiter);
    return waiter.promise;
  }

  /** Wakes whoever waits for such a service status. A predicate that throws ends its own wait with what it threw. */
  wake(service: ServiceStatus): void {
    for (const waiter of this.#waiting) {
      const outcome = judgeService(waiter.predicate, service);
      // A predicate that writes to the store may have ended its own wait.
      if (!this.#waiting.has(waiter)) continue;
      if (outcome instanceof Error) {
        this.#register.fail(waiter, outcome);
      } else if (outcome) {
        this.#register.leave(waiter);
        waiter.meet(service);
      }
    }
  }
}

/** What the predicate says; what it throws, as an error. */
export function judgeService(predicate: ServicePredicate, service: ServiceStatus): boolean | Error {
  try {
    return predicate(service);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error), { cause: error });
  }
}
