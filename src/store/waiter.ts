/** What all waiters of a store have in common: a place in the order of registration, and what can end them from outside. */
import type { Timer } from '../kernel/clock.ts';

/** Told when the signal of one of its waiters aborts. */
export interface CancelReceiver {
  cancelRequested(waiter: Waiter): void;
}

/** Somebody who waits. It is settled exactly once, by the `WaiterRegister` that it entered. */
export abstract class Waiter {
  /** Position in the order of registration, from 0; negative once it has left. */
  sequence = 0;
  previous: Waiter | undefined = undefined;
  next: Waiter | undefined = undefined;
  timer: Timer | undefined = undefined;
  signal: AbortSignal | undefined = undefined;
  receiver: CancelReceiver | undefined = undefined;

  /** What it waits on, as a stable label of clock events. */
  abstract get label(): string;
  /** What it waits for, as the name of a resource in traces; not unique, so that it stays cheap to hash. */
  abstract get goal(): string;
  /** The one run that it waits on; empty if it waits on several, on all, or on the service. */
  abstract get runId(): string;
  /** Answers as a wait does that was not met in time. */
  abstract expire(): void;
  /** Rejects. */
  abstract fail(error: Error): void;
  /** Leaves every list that it is on. */
  abstract unlink(): void;

  /** Called for the signal: the waiter is told itself, so that waiting with a signal makes no closure. */
  cancelRequested(): void {
    this.receiver?.cancelRequested(this);
  }
}
