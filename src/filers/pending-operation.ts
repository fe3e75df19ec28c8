/**
 * One operation of a simulated filer that takes time. Invariant: it settles at most once, and leaves neither timer nor listener
 * behind when it has.
 */
import { leaveSignal, type SignalWaiter, waitWithSignal } from '../kernel/signal-waiters.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import type { Topic } from '../kernel/question.ts';
import { isCancelled } from '../model/cancellation.ts';
import type { Cancellable } from '../model/cancellation.ts';
import type { MaybePromise } from '../model/maybe-promise.ts';
import type { FilerBehaviour } from './filer-behaviour.ts';
import { cancelledOperation } from './filer-error.ts';

/** What a pending operation is made of. */
export interface PendingOperationOptions<T> {
  readonly clock: Clock;
  /** What its timers are about: `filer/NAME checkout ID`. */
  readonly topic: Topic;
  readonly behaviour: FilerBehaviour;
  readonly cancel: Cancellable | undefined;
  /** Called at its natural end; gives the result or throws the failure. */
  readonly complete: () => MaybePromise<T>;
}

/** See {@link PendingOperationOptions}; `result` settles when it is over, never if it hangs. */
export class PendingOperation<T> {
  readonly result: Promise<T>;
  readonly #options: PendingOperationOptions<T>;
  readonly #waiter: SignalWaiter = { cancelRequested: () => this.#endByCancel() };
  #resolve!: (value: MaybePromise<T>) => void;
  #reject!: (error: unknown) => void;
  #natural: Timer | undefined;
  #ending: Timer | undefined;
  #signal: AbortSignal | undefined;
  #isSettled = false;

  constructor(options: PendingOperationOptions<T>) {
    this.#options = options;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#start();
  }

  /** One that hangs gets to its natural end now, unless it was asked to stop. */
  endHang(): void {
    if (this.#options.behaviour.hang === true && this.#ending === undefined && !this.#isSettled) {
      this.#complete();
    }
  }

  #start(): void {
    const { clock, topic, behaviour, cancel } = this.#options;
    const heeded = behaviour.deaf === true ? undefined : cancel;
    // Told to stop before it began, it never gets to its natural end (R173).
    if (isCancelled(heeded)) {
      this.#endByCancel();
      return;
    }
    if (behaviour.hang !== true) {
      this.#natural = clock.timer(topic, behaviour.latencyMs ?? 0, () => this.#complete());
    }
    this.#signal = heeded?.signal;
    if (this.#signal !== undefined) waitWithSignal(this.#signal, this.#waiter);
  }

  /** A slow canceller may still reach its natural end first. */
  #endByCancel(): void {
    const { clock, topic, behaviour } = this.#options;
    const cancelMs = behaviour.cancelMs ?? 0;
    if (cancelMs === 0) this.#fail();
    else this.#ending = clock.timer(topic.plus('cancel'), cancelMs, () => this.#fail());
  }

  #fail(): void {
    this.#leaveNothing();
    this.#reject(cancelledOperation(this.#options.topic.text));
  }

  #complete(): void {
    this.#leaveNothing();
    try {
      this.#resolve(this.#options.complete());
    } catch (error) {
      this.#reject(error);
    }
  }

  #leaveNothing(): void {
    this.#isSettled = true;
    this.#natural?.cancel();
    this.#ending?.cancel();
    if (this.#signal !== undefined) leaveSignal(this.#signal, this.#waiter);
  }
}
