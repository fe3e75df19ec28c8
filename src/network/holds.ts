/**
 * Calls and messages that are held back, by chaos, on links and at nodes. Invariant: while one is held it is in the
 * list and has at most one timer and one listener, and all three are gone when it continues; nothing is held after a
 * release (R86, R204).
 */
import { LimitedWaiter } from '../kernel/signal-waiters.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { invariant } from '../kernel/invariant.ts';
import type { Topic } from '../kernel/question.ts';

/** Why a held call continues. */
export type HoldEnd = 'time' | 'overtaken' | 'cancelled' | 'released' | 'healed';

/** What ends a hold, besides release and healing. */
export interface HoldLimits {
  /** Duration after which the hold ends by itself, in milliseconds. */
  readonly ms?: number;
  /** With `ms`: ends after everything else that is due at that time (R35). */
  readonly isDeadline?: boolean;
  /** True if the hold ends when another call reaches the delegate. */
  readonly isOvertakable?: boolean;
  /** With `isOvertakable`, where calls are counted as they are sent: its number, so that only later ones overtake it. */
  readonly order?: number;
  readonly signal?: AbortSignal | undefined;
}

/** All held calls of a runner, or all held messages of a link. */
export class Holds {
  readonly #clock: Clock;
  /** A linked list, because there is rarely more than one. */
  #first: HeldCall | undefined = undefined;
  #last: HeldCall | undefined = undefined;
  /** Number of holds that another call can end by overtaking. */
  #overtakable = 0;
  #released = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True from the first release on. */
  get released(): boolean {
    return this.#released;
  }

  /**
   * Resolves when the hold ends, in the same instant; with an aborted signal at once. Must not be called after a
   * release.
   */
  hold(topic: Topic, limits: HoldLimits): Promise<HoldEnd> {
    if (limits.signal?.aborted === true) return Promise.resolve('cancelled');
    const promise = new Promise(takeResolve);
    this.begin(topic, limits, resolveTaken);
    return promise;
  }

  /** Calls `onEnd` when the hold ends. Must not be called after a release, or with an aborted signal. */
  begin(topic: Topic, limits: HoldLimits, onEnd: (why: HoldEnd) => void): void {
    invariant(!this.#released, () => `expected nothing to be held after the release, got ${topic.text}`);
    this.#add(new HeldCall(this, this.#clock, topic, limits, onEnd));
  }

  /** Called by a held call when its hold ends. */
  leave(call: HeldCall): void {
    const { previous, next } = call;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    if (call.isOvertakable) this.#overtakable -= 1;
    call.previous = undefined;
    call.next = undefined;
  }

  #add(call: HeldCall): void {
    call.previous = this.#last;
    if (this.#last === undefined) this.#first = call;
    else this.#last.next = call;
    this.#last = call;
    if (call.isOvertakable) this.#overtakable += 1;
  }

  /**
   * Ends overtakable holds, because a call has reached the delegate: those of calls sent before it, if `order` is its
   * number.
   */
  overtake(order: number = Infinity): void {
    if (this.#overtakable === 0) return;
    for (let call = this.#first; call !== undefined;) {
      const { next }: HeldCall = call;
      if (call.isOvertakable && call.order < order) call.end('overtaken');
      call = next;
    }
  }

  /** Ends all holds. */
  heal(): void {
    this.#endAll('healed');
  }

  /** Ends all holds, and allows no new ones. */
  release(): void {
    this.#released = true;
    this.#endAll('released');
  }

  #endAll(why: HoldEnd): void {
    for (let call = this.#first; call !== undefined; call = this.#first) call.end(why);
  }
}

let resolveTaken = (_: HoldEnd): void => {};

/** A single executor for all holds; it runs before `new Promise` returns. */
function takeResolve(resolve: (why: HoldEnd) => void): void {
  resolveTaken = resolve;
}

class HeldCall extends LimitedWaiter {
  readonly isOvertakable: boolean;
  readonly order: number;
  previous: HeldCall | undefined = undefined;
  next: HeldCall | undefined = undefined;
  readonly #holds: Holds;
  readonly #onEnd: (why: HoldEnd) => void;

  constructor(
    holds: Holds,
    clock: Clock,
    topic: Topic,
    { ms, isDeadline = false, isOvertakable = false, order = 0, signal }: HoldLimits,
    onEnd: (why: HoldEnd) => void,
  ) {
    super();
    this.isOvertakable = isOvertakable;
    this.order = order;
    this.#holds = holds;
    this.#onEnd = onEnd;
    let timer: Timer | undefined;
    if (ms !== undefined) {
      const onTime = (): void => this.end('time');
      timer = isDeadline ? clock.endOfInstant(topic, ms, onTime) : clock.timer(topic, ms, onTime);
    }
    this.limitBy(timer, signal);
  }

  cancelRequested(): void {
    this.end('cancelled');
  }

  end(why: HoldEnd): void {
    this.leaveLimits();
    this.#holds.leave(this);
    this.#onEnd(why);
  }
}
