/**
 * Calls that chaos holds back. Invariant: a held call has at most one timer and one listener, is in the set while it is held, and
 * all three are gone when it goes on; nothing is held after a release (R86, R204).
 */
import { leaveSignal, type SignalWaiter, waitWithSignal } from '../kernel/signal-waiters.ts';
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

/** All calls of one runner that are held. */
export class ChaosHolds {
  readonly #clock: Clock;
  readonly #held = new Set<HeldCall>();
  /** Those of them that another call can overtake. */
  readonly #overtakable = new Set<HeldCall>();
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
    invariant(!this.#released, () => `expected nothing to be held after the release, got ${topic.text}`);
    if (limits.signal?.aborted === true) return Promise.resolve('cancelled');
    return new Promise((resolve) => {
      const held = new HeldCall(this.#clock, topic, limits, (call, why) => {
        this.#held.delete(call);
        this.#overtakable.delete(call);
        resolve(why);
      });
      this.#held.add(held);
      if (limits.isOvertakable === true) this.#overtakable.add(held);
    });
  }

  /** A call has reached the delegate. */
  overtake(): void {
    for (const call of this.#overtakable) call.end('overtaken');
  }

  /** Lets every held call go on. */
  heal(): void {
    for (const call of this.#held) call.end('healed');
  }

  /** Lets every held call go on, and holds none from now on. */
  release(): void {
    this.#released = true;
    for (const call of this.#held) call.end('released');
  }
}

class HeldCall implements SignalWaiter {
  readonly #timer: Timer | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #onEnd: (call: HeldCall, why: HoldEnd) => void;

  constructor(
    clock: Clock,
    topic: Topic,
    { ms, isDeadline = false, signal }: HoldLimits,
    onEnd: (call: HeldCall, why: HoldEnd) => void,
  ) {
    this.#signal = signal;
    this.#onEnd = onEnd;
    if (ms !== undefined) {
      const onTime = (): void => this.end('time');
      this.#timer = isDeadline ? clock.endOfInstant(topic, ms, onTime) : clock.timer(topic, ms, onTime);
    }
    if (signal !== undefined) waitWithSignal(signal, this);
  }

  cancelRequested(): void {
    this.end('cancelled');
  }

  end(why: HoldEnd): void {
    this.#timer?.cancel();
    if (this.#signal !== undefined) leaveSignal(this.#signal, this);
    this.#onEnd(this, why);
  }
}
