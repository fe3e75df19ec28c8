/**
 * Calls and messages that are held back, by chaos, on links and at nodes. Invariant: one that is held has at most one timer and one
 * listener, is in the list while it is held, and all three are gone when it goes on; nothing is held after a release (R86, R204).
 */
import { LimitedWaiter } from '../kernel/signal-waiters.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { invariant } from '../kernel/invariant.ts';
import type { Topic } from '../kernel/question.ts';

/** Why a held call goes on. */
export type HoldEnd = 'time' | 'overtaken' | 'cancelled' | 'released' | 'healed';

/** What ends a hold, beside release and healing. */
export interface HoldLimits {
  /** Ends it by itself after so long. */
  readonly ms?: number;
  /** With `ms`: after everything else that is due then (R35). */
  readonly isDeadline?: boolean;
  /** Another call that reaches the delegate ends it. */
  readonly isOvertakable?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** All calls of one runner, or messages of one link, that are held. */
export class Holds {
  readonly #clock: Clock;
  /** A list, as hardly ever more than one is held at a time. */
  #first: HeldCall | undefined = undefined;
  #last: HeldCall | undefined = undefined;
  /** How many of them another call can overtake. */
  #overtakable = 0;
  #released = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True from the first release on. */
  get released(): boolean {
    return this.#released;
  }

  /** Resolves when the hold ends, in the same instant; with an aborted signal at once. Not to be called after a release. */
  hold(topic: Topic, limits: HoldLimits): Promise<HoldEnd> {
    if (limits.signal?.aborted === true) return Promise.resolve('cancelled');
    const promise = new Promise(takeResolve);
    this.begin(topic, limits, resolveTaken);
    return promise;
  }

  /** Calls `onEnd` when the hold ends. Not to be called after a release, or with an aborted signal. */
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

  /** A call has reached the delegate. */
  overtake(): void {
    if (this.#overtakable === 0) return;
    for (let call = this.#first; call !== undefined;) {
      const { next }: HeldCall = call;
      if (call.isOvertakable) call.end('overtaken');
      call = next;
    }
  }

  /** Lets every held call go on. */
  heal(): void {
    this.#endAll('healed');
  }

  /** Lets every held call go on, and holds none from now on. */
  release(): void {
    this.#released = true;
    this.#endAll('released');
  }

  #endAll(why: HoldEnd): void {
    for (let call = this.#first; call !== undefined; call = this.#first) call.end(why);
  }
}

let resolveTaken = (_: HoldEnd): void => {};

/** One executor for all holds, which runs before `new Promise` returns. */
function takeResolve(resolve: (why: HoldEnd) => void): void {
  resolveTaken = resolve;
}

class HeldCall extends LimitedWaiter {
  readonly isOvertakable: boolean;
  previous: HeldCall | undefined = undefined;
  next: HeldCall | undefined = undefined;
  readonly #holds: Holds;
  readonly #onEnd: (why: HoldEnd) => void;

  constructor(
    holds: Holds,
    clock: Clock,
    topic: Topic,
    { ms, isDeadline = false, isOvertakable = false, signal }: HoldLimits,
    onEnd: (why: HoldEnd) => void,
  ) {
    super();
    this.isOvertakable = isOvertakable;
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
