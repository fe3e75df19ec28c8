/**
 * The one place where a waiter registers and leaves. Invariant: a registered waiter is settled exactly once, and when it is, its
 * timer, its signal's listener and its places in all lists are gone (R55).
 */
import type { Clock } from '../kernel/clock.ts';
import type { Wait } from '../model/query.ts';
import { waitCancelled } from '../model/status-errors.ts';
import type { Tracer } from '../model/trace-event.ts';
import type { CancelReceiver, Waiter } from './waiter.ts';

/** What the register needs of the store it serves. */
export interface WaiterSurroundings {
  readonly clock: Clock;
  readonly name: string;
  readonly tracer: Tracer | undefined;
}

/** All who wait on one store, in the order of registration. */
export class WaiterRegister implements CancelReceiver {
  readonly #around: WaiterSurroundings;
  #first: Waiter | undefined = undefined;
  #last: Waiter | undefined = undefined;
  #registered = 0;
  #size = 0;

  constructor(around: WaiterSurroundings) {
    this.#around = around;
  }

  get size(): number {
    return this.#size;
  }

  /** Registers a waiter. Its deadline is an end-of-instant event, so that a match of the same instant wins (R35). */
  enter(waiter: Waiter, { timeoutMs, signal }: Wait): void {
    waiter.sequence = this.#registered;
    this.#registered += 1;
    this.#append(waiter);
    this.#trace('acquired', waiter);
    if (timeoutMs !== Infinity) {
      waiter.timer = this.#endOfInstant(waiter, timeoutMs, () => {
        this.leave(waiter);
        waiter.expire();
      });
    }
    if (signal === undefined) return;
    waiter.signal = signal;
    waiter.receiver = this;
    if (signal.aborted) this.cancelRequested(waiter);
    else signal.addEventListener('abort', waiter);
  }

  /** Takes a waiter out; who calls this settles it. */
  leave(waiter: Waiter): void {
    this.#remove(waiter);
    waiter.timer?.cancel();
    waiter.signal?.removeEventListener('abort', waiter);
    waiter.unlink();
    this.#trace('freed', waiter);
  }

  /** Takes a waiter out and rejects it. */
  fail(waiter: Waiter, error: Error): void {
    this.leave(waiter);
    waiter.fail(error);
  }

  /** Ends all waits with `error`, in the order of registration. */
  failAll(error: Error): void {
    for (let waiter = this.#first; waiter !== undefined; waiter = this.#first) this.fail(waiter, error);
  }

  /** Ends a wait at the end of this instant, because a match of the same instant wins (R34, R35). */
  cancelRequested(waiter: Waiter): void {
    waiter.timer?.cancel();
    waiter.timer = this.#endOfInstant(waiter, 0, () =>
      this.fail(waiter, waitCancelled(waiter.signal?.reason)),
    );
  }

  #append(waiter: Waiter): void {
    waiter.previous = this.#last;
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
    this.#size += 1;
  }

  #remove(waiter: Waiter): void {
    const { previous, next } = waiter;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    this.#size -= 1;
  }

  #endOfInstant(waiter: Waiter, ms: number, fire: () => void): Waiter['timer'] {
    return this.#around.clock.endOfInstant(`${this.#around.name} ${waiter.label}`, ms, fire);
  }

  #trace(type: 'acquired' | 'freed', waiter: Waiter): void {
    const { clock, name: runner, tracer } = this.#around;
    if (tracer === undefined) return;
    const name = `${waiter.label} (${waiter.sequence})`;
    tracer.record({ at: clock.now(), type, runner, runId: waiter.runId, resource: 'waiter', name });
  }
}
