/** A wait for a change of the service status (R56). */
import type { ServiceStatus } from '../model/service-status.ts';
import { Waiter } from './waiter.ts';

/** Says which service statuses end a wait. */
export type ServicePredicate = (service: ServiceStatus) => boolean;

/** Waits until the service status fulfils its predicate. */
export class ServiceWaiter extends Waiter {
  readonly predicate: ServicePredicate;
  readonly promise: Promise<ServiceStatus | undefined>;
  readonly #waiting: Set<ServiceWaiter>;
  #resolve!: (result: ServiceStatus | undefined) => void;
  #reject!: (error: Error) => void;

  /** `waiting` is the set that it stands in until it is settled. */
  constructor(predicate: ServicePredicate, waiting: Set<ServiceWaiter>) {
    super();
    this.predicate = predicate;
    this.#waiting = waiting;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  get label(): string {
    return 'wait on the service';
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

  override unlink(): void {
    this.#waiting.delete(this);
  }
}
