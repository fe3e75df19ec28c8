/**
 * The single place where a waiter registers and leaves. Invariant: a registered waiter is settled exactly once, and
 * then its timer, its signal listener and its entries in all lists are gone (R55).
 */
import type { Timer, Clock } from '../kernel/clock.ts';
import { invariant } from '../kernel/invariant.ts';
import { topicOf, type Label } from '../kernel/question.ts';
import type { Wait } from '../model/query.ts';
import { waitCancelled } from '../model/status-errors.ts';
import type { RunTracer } from '../model/run-tracer.ts';
import { LimitedWaiter } from '../kernel/signal-waiters.ts';

const WAIT_ON = 'wait on ';
const CANCELLED = 'cancelled ';

/** What ends a wait on a store if no write does. */
export type WaitLimit = 'timeout' | 'cancel';

/** What of a wait the clock event with this topic is; undefined for the event of something else. */
export function waitLimitOf(label: Label): WaitLimit | undefined {
  const { what } = topicOf(label);
  if (what.startsWith(WAIT_ON)) return 'timeout';
  return what.startsWith(`${CANCELLED}${WAIT_ON}`) ? 'cancel' : undefined;
}

/** Notified when the signal of one of its waiters aborts. */
export interface CancelReceiver {
  cancelRequested(waiter: Waiter, reason: unknown): void;
}

/** A waiter, settled exactly once by the `WaiterRegister` that it entered. */
export abstract class Waiter extends LimitedWaiter {
  /** Number in order of registration, from 0; negative once it has left. */
  sequence = 0;
  previous: Waiter | undefined = undefined;
  next: Waiter | undefined = undefined;
  receiver: CancelReceiver | undefined = undefined;

  /** What it waits on, such as `run 3`. */
  abstract get target(): string;
  /** What it waits for, as the name of a resource in traces; not unique, so that hashing it stays cheap. */
  abstract get goal(): string;
  /** The one run that it waits on; empty if it waits on several runs, on all, or on the service. */
  abstract get runId(): string;
  /** Settles as a wait that reached its deadline. */
  abstract expire(): void;
  /** Rejects. */
  abstract fail(error: Error): void;
  /** Joins every list of what it waits on. */
  abstract link(): void;
  /** Leaves every list that contains it. */
  abstract unlink(): void;

  /** What it waits on, as a stable label of clock events. */
  get label(): string {
    return `${WAIT_ON}${this.target}`;
  }

  /**
   * Called when the signal aborts. The waiter itself is the listener, so that waiting with a signal allocates no
   * closure.
   */
  cancelRequested(): void {
    this.receiver?.cancelRequested(this, this.abortReason);
  }
}

/** `sequence` of a waiter that has left. */
const LEFT = -1;

/** What the register needs from its store. */
export interface WaiterContext {
  readonly clock: Clock;
  readonly name: string;
  readonly tracer: RunTracer | undefined;
}

/**
 * All waiters of one store, in order of registration. A listener of the trace may use the store at once, so a waiter
 * has joined its lists, or left them, before that is traced.
 */
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

  /** Registers a waiter. Its deadline is an end-of-instant event, so that a match in the same instant wins (R35). */
  enter(waiter: Waiter, { timeoutMs, signal }: Wait): void {
    waiter.sequence = this.#registered;
    let timer: Timer | undefined;
    if (signal?.aborted === true) timer = this.#cancelAtEndOfInstant(waiter, signal.reason);
    else if (timeoutMs !== Infinity) timer = this.#expireAtEndOfInstant(waiter, timeoutMs);
    // The clock may have thrown; nothing after this can.
    this.#registered += 1;
    this.#append(waiter);
    waiter.receiver = this;
    waiter.limitBy(timer, signal?.aborted === true ? undefined : signal);
    waiter.link();
    this.#trace('acquired', waiter);
  }

  /** Removes a waiter and traces that; the caller settles it. */
  leave(waiter: Waiter): void {
    this.remove(waiter);
    this.traceLeft(waiter);
  }

  /** Removes a waiter; the caller traces that with `traceLeft`, then settles it. */
  remove(waiter: Waiter): void {
    this.#cutOut(waiter);
    waiter.leaveLimits();
    waiter.unlink();
  }

  /** Traces that a waiter has left. */
  traceLeft(waiter: Waiter): void {
    this.#trace('freed', waiter);
  }

  /** Removes a waiter and rejects it. */
  fail(waiter: Waiter, error: Error): void {
    this.leave(waiter);
    waiter.fail(error);
  }

  /** Ends all waits with `error`, in order of registration. */
  failAll(error: Error): void {
    for (let waiter = this.#first; waiter !== undefined; waiter = this.#first) this.fail(waiter, error);
  }

  /** A match in the same instant wins over a cancellation too (R35). */
  cancelRequested(waiter: Waiter, reason: unknown): void {
    waiter.retime(this.#cancelAtEndOfInstant(waiter, reason));
  }

  #expireAtEndOfInstant(waiter: Waiter, timeoutMs: number): Timer {
    return this.#endOfInstant(waiter.label, timeoutMs, () => {
      this.leave(waiter);
      waiter.expire();
    });
  }

  #cancelAtEndOfInstant(waiter: Waiter, reason: unknown): Timer {
    const label = `${CANCELLED}${waiter.label}`;
    return this.#endOfInstant(label, 0, () => this.fail(waiter, waitCancelled(reason)));
  }

  #append(waiter: Waiter): void {
    waiter.previous = this.#last;
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
    this.#size += 1;
  }

  #cutOut(waiter: Waiter): void {
    invariant(waiter.sequence !== LEFT, () => `expected a waiter to leave once: ${waiter.label}`);
    waiter.sequence = LEFT;
    const { previous, next } = waiter;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    // A waiter that has left must not keep others from being garbage-collected.
    waiter.previous = undefined;
    waiter.next = undefined;
    this.#size -= 1;
  }

  #endOfInstant(what: string, ms: number, fire: () => void): Timer {
    const topic = topicOf({ owner: this.#around.name, what });
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
