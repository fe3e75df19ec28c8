/**
 * Who waits with which signal, over everything that waits: a signal has one listener of ours, however many wait with it, because Node takes more
 * than ten for a leak. Invariants: a signal is listened to only while somebody waits with it; a limited waiter that has left has no timer and
 * no listener.
 */

/** Called when the signal that it waits with aborts. */
export interface SignalWaiter {
  cancelRequested(): void;
}

/** Hands an abort on to all who wait, in the order in which they came. */
class SignalListener {
  /** Most signals have one who waits, for whom a set would be dear; with the second all move into the set. */
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

  /** True if nobody is left. */
  remove(waiter: SignalWaiter): boolean {
    if (this.#only === waiter) this.#only = undefined;
    this.#all?.delete(waiter);
    return this.#only === undefined && (this.#all === undefined || this.#all.size === 0);
  }

  /** Called by the signal. As with listeners, one that leaves before its turn is not called, and neither is one that comes meanwhile. */
  handleEvent(): void {
    const all = this.#all;
    if (all === undefined) this.#only?.cancelRequested();
    else for (const waiter of [...all]) if (all.has(waiter)) waiter.cancelRequested();
  }
}

// Keyed by the signal, whose owner decides how long it lives; what one simulation leaves here, no other can see.
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

/** Forgets a waiter, and the signal after its last one. */
export function leaveSignal(signal: AbortSignal, waiter: SignalWaiter): void {
  const listener = listeners.get(signal);
  if (!listener?.remove(waiter)) return;
  listeners.delete(signal);
  signal.removeEventListener('abort', listener);
}

/** Waits until what it waits for comes, a timer ends the wait, or a signal aborts. */
export abstract class LimitedWaiter implements SignalWaiter {
  #timer: { cancel(): void } | undefined = undefined;
  #signal: AbortSignal | undefined = undefined;

  /** Called when its signal aborts. */
  abstract cancelRequested(): void;

  /** Why its signal has aborted. */
  protected get abortReason(): unknown {
    return this.#signal?.reason as unknown;
  }

  /** Sets what ends the wait early. The signal has not aborted. */
  limitBy(timer: { cancel(): void } | undefined, signal: AbortSignal | undefined): void {
    this.#timer = timer;
    if (signal === undefined) return;
    this.#signal = signal;
    waitWithSignal(signal, this);
  }

  /** Takes another timer instead of the one that it had. */
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

/** Calls back when its signal aborts. */
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
