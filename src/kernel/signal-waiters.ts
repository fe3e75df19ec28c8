/**
 * Registers waiters with abort signals, for everything that waits: a signal has one listener of this package,
 * regardless of the number of waiters, because Node reports more than ten as a leak. Invariants: a signal has that
 * listener only while there is a waiter; a limited waiter that has left has no timer and no listener.
 */

/** Called when the signal aborts. */
export interface SignalWaiter {
  cancelRequested(): void;
}

/** Forwards an abort to all waiters, in registration order. */
class SignalListener {
  /** Most signals have a single waiter, for which a set would be expensive; a second one moves both into the set. */
  #only: SignalWaiter | undefined;
  #all: Set<SignalWaiter> | undefined;

  constructor(first: SignalWaiter) {
    this.#only = first;
  }

  add(waiter: SignalWaiter): void {
    this.#all ??= new Set(this.#only === undefined ? [] : [this.#only]);
    this.#all.add(waiter);
    this.#only = undefined;
  }

  /** True if no waiter is left. */
  remove(waiter: SignalWaiter): boolean {
    if (this.#only === waiter) this.#only = undefined;
    this.#all?.delete(waiter);
    return this.#only === undefined && (this.#all === undefined || this.#all.size === 0);
  }

  /**
   * Called by the signal. As with listeners, a waiter that leaves before its turn is not called, and neither is one
   * that is added meanwhile.
   */
  handleEvent(): void {
    const all = this.#all;
    if (all === undefined) this.#only?.cancelRequested();
    else for (const waiter of [...all]) if (all.has(waiter)) waiter.cancelRequested();
  }
}

// Keyed by the signal, whose owner decides how long it lives; entries of one simulation are invisible to all others.
const listeners = new WeakMap<AbortSignal, SignalListener>();

/** Calls `waiter` when `signal` aborts. */
export function waitWithSignal(signal: AbortSignal, waiter: SignalWaiter): void {
  const known = listeners.get(signal);
  if (known !== undefined) {
    known.add(waiter);
    return;
  }
  const listener = new SignalListener(waiter);
  listeners.set(signal, listener);
  signal.addEventListener('abort', listener);
}

/** Removes a waiter, and the listener with the last one. */
export function leaveSignal(signal: AbortSignal, waiter: SignalWaiter): void {
  const listener = listeners.get(signal);
  if (!listener?.remove(waiter)) return;
  listeners.delete(signal);
  signal.removeEventListener('abort', listener);
}

/** Waits until its result arrives, a timer ends the wait, or a signal aborts. */
export abstract class LimitedWaiter implements SignalWaiter {
  #timer: { cancel(): void } | undefined = undefined;
  #signal: AbortSignal | undefined = undefined;

  /** Called when its signal aborts. */
  abstract cancelRequested(): void;

  /** The reason of the aborted signal. */
  protected get abortReason(): unknown {
    return this.#signal?.reason as unknown;
  }

  /** Sets the limits of the wait. The signal must not have aborted. */
  limitBy(timer: { cancel(): void } | undefined, signal: AbortSignal | undefined): void {
    this.#timer = timer;
    if (signal === undefined) return;
    this.#signal = signal;
    waitWithSignal(signal, this);
  }

  /** Replaces its timer. */
  retime(timer: { cancel(): void }): void {
    this.#timer?.cancel();
    this.#timer = timer;
  }

  /** Cancels its timer and stops listening. */
  leaveLimits(): void {
    this.#timer?.cancel();
    if (this.#signal !== undefined) leaveSignal(this.#signal, this);
  }
}

/** Calls a function when its signal aborts. */
export class CallbackWaiter extends LimitedWaiter {
  readonly #onAbort: (reason: unknown) => void;

  constructor(onAbort: (reason: unknown) => void) {
    super();
    this.#onAbort = onAbort;
  }

  cancelRequested(): void {
    this.#onAbort(this.abortReason);
  }
}
