/**
 * The one place where a waiter registers and leaves. Invariant: a registered waiter is settled exactly once, and when it is, its
 * timer, its place with its signal and its places in all lists are gone (R55).
 */
import type { Timer, Clock } from '../kernel/clock.ts';
import { invariant } from '../kernel/invariant.ts';
import { topicOf } from '../kernel/question.ts';
import type { Wait } from '../model/query.ts';
import { waitCancelled } from '../model/status-errors.ts';
import type { RunTracer } from '../model/run-tracer.ts';
import { LimitedWaiter } from '../kernel/signal-waiters.ts';

/** Called when the signal of one of its waiters aborts. */
export interface CancelReceiver {
  cancelRequested(waiter: Waiter, reason: unknown): void;
}

/** Somebody who waits. It is settled exactly once, by the `WaiterRegister` that it entered. */
export abstract class Waiter extends LimitedWaiter {
  /** Position in the order of registration, from 0; negative once it has left. */
  sequence = 0;
  previous: Waiter | undefined = undefined;
  next: Waiter | undefined = undefined;
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

  /** Called for the signal: the waiter is called itself, so that waiting with a signal makes no closure. */
  cancelRequested(): void {
    this.receiver?.cancelRequested(this, this.abortReason);
  }
}

/** `sequence` of a waiter that has left. */
const LEFT = -1;

/** What the register needs of the store it serves. */
export interface WaiterContext {
  readonly clock: Clock;
  readonly name: string;
  readonly tracer: RunTracer | undefined;
}

/** All who wait on one store, in the order of registration. */
export class WaiterRegister implements CancelReceiver {
  readonly #around: WaiterContext;
  #first: Waiter | undefined = undefined;
  #last: Waiter | undefined = undefined;
  #registered = 0;
  #size = 0;

  constructor(around: WaiterContext) {
    this.#around = around;
  }

  get size(): number {
    return this.#size;
  }

  /** Registers a waiter. Its deadline is an end-of-instant event, so that a match of the same instant wins (R35). */
  enter(waiter: Waiter, { timeoutMs, signal }: Wait): void {
    waiter.sequence = this.#registered;
    let timer: Timer | undefined;
    if (signal?.aborted === true) timer = this.#cancelAtEndOfInstant(waiter, signal.reason);
    else if (timeoutMs !== Infinity) timer = this.#expireAtEndOfInstant(waiter, timeoutMs);
    // The clock may have refused; from here on nothing can.
    this.#registered += 1;
    this.#append(waiter);
    waiter.receiver = this;
    waiter.limitBy(timer, signal?.aborted === true ? undefined : signal);
    this.#trace('acquired', waiter);
  }

  /** Takes a waiter out; who calls this settles it. */
  leave(waiter: Waiter): void {
    this.#trace('freed', waiter);
    this.#remove(waiter);
    waiter.leaveLimits();
    waiter.unlink();
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

  /** A match of the same instant wins over a cancel too (R35). */
  cancelRequested(waiter: Waiter, reason: unknown): void {
    waiter.retime(this.#cancelAtEndOfInstant(waiter, reason));
  }

  #expireAtEndOfInstant(waiter: Waiter, timeoutMs: number): Timer {
    return this.#endOfInstant(waiter, timeoutMs, () => {
      this.leave(waiter);
      waiter.expire();
    });
  }

  #cancelAtEndOfInstant(waiter: Waiter, reason: unknown): Timer {
    return this.#endOfInstant(waiter, 0, () => this.fail(waiter, waitCancelled(reason)));
  }

  #append(waiter: Waiter): void {
    waiter.previous = this.#last;
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
    this.#size += 1;
  }

  #remove(waiter: Waiter): void {
    invariant(waiter.sequence !== LEFT, () => `expected a waiter to leave once: ${waiter.label}`);
    waiter.sequence = LEFT;
    const { previous, next } = waiter;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    // One who has left must keep nobody else from the collector.
    waiter.previous = undefined;
    waiter.next = undefined;
    this.#size -= 1;
  }

  #endOfInstant(waiter: Waiter, ms: number, fire: () => void): Timer {
    const topic = topicOf({ owner: this.#around.name, what: waiter.label });
    return this.#around.clock.endOfInstant(topic, ms, fire);
  }

  #trace(type: 'acquired' | 'freed', waiter: Waiter): void {
    const { clock, name: runner, tracer } = this.#around;
    if (tracer === undefined) return;
    const { runId, goal } = waiter;
    if (type === 'acquired') tracer.acquired(clock.now(), runner, runId, 'waiter', goal);
    else tracer.freed(clock.now(), runner, runId, 'waiter', goal);
  }
}
