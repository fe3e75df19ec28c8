/** Wakes waiters for a change of the service status, in order of registration (R56). */
import { trueOrFalse } from '../kernel/argument-check.ts';
import type { ServiceStatus } from '../model/service-status.ts';
import { Waiter, type WaiterRegister } from './waiter-lifecycle.ts';
import type { Wait } from '../model/query.ts';

/** True for a service status that ends the wait. */
export type ServicePredicate = (service: ServiceStatus) => boolean;

/** Waits until the service status satisfies a predicate. */
export class ServiceWaiter extends Waiter {
  readonly predicate: ServicePredicate;
  readonly promise: Promise<ServiceStatus | undefined>;
  readonly #waiting: Set<ServiceWaiter>;
  #resolve!: (result: ServiceStatus | undefined) => void;
  #reject!: (error: Error) => void;

  /** `waiting` is the set that contains this waiter until it is settled. */
  constructor(predicate: ServicePredicate, waiting: Set<ServiceWaiter>) {
    super();
    this.predicate = predicate;
    this.#waiting = waiting;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get target(): string {
    return 'the service';
  }

  get goal(): string {
    return this.label;
  }

  get runId(): string {
    return '';
  }

  meet(service: ServiceStatus): void {
    this.#resolve(service);
  }

  override expire(): void {
    this.#resolve(undefined);
  }

  override fail(error: Error): void {
    this.#reject(error);
  }

  override link(): void {
    this.#waiting.add(this);
  }

  override unlink(): void {
    this.#waiting.delete(this);
  }
}

/** The waiters on the service status of one store. */
export class ServiceWaiters {
  readonly #register: WaiterRegister;
  /** Allocated for the first waiter. */
  #waiting: Set<ServiceWaiter> | undefined;

  constructor(register: WaiterRegister) {
    this.#register = register;
  }

  /** Registers a wait. */
  add(predicate: ServicePredicate, wait: Wait): Promise<ServiceStatus | undefined> {
    this.#waiting ??= new Set();
    const waiter = new ServiceWaiter(predicate, this.#waiting);
    this.#register.enter(waiter, wait);
    return waiter.promise;
  }

  /**
   * Wakes all waiters whose predicate is satisfied. A predicate that throws or gives no answer ends its own wait with
   * an error.
   */
  wake(service: ServiceStatus): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    for (const waiter of waiting) {
      const outcome = judgeService(waiter.predicate, service);
      // A predicate that writes to the store may have ended its own wait.
      if (!waiting.has(waiter)) continue;
      if (outcome instanceof Error) {
        this.#register.fail(waiter, outcome);
      } else if (outcome) {
        this.#register.leave(waiter);
        waiter.meet(service);
      }
    }
  }
}

/** Result of the predicate; an error if it throws, or does not say true or false: a promise of false is not false. */
export function judgeService(predicate: ServicePredicate, service: ServiceStatus): boolean | Error {
  try {
    return trueOrFalse('predicate()', predicate(service));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error), { cause: error });
  }
}
