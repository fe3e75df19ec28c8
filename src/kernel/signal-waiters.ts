/**
 * Who waits with which signal, over everything that waits: a signal has one listener of ours, however many wait with it, because Node takes more
 * than ten for a leak. Invariant: a signal is listened to only while somebody waits with it.
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
