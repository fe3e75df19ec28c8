/**
 * Notices that a simulation will not end by itself: that it stalls, or that more events have fired than it may take. Invariant: between
 * two looks it costs one comparison per event.
 */
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import { SHOWN_MAX, type EndJudge } from './end-judge.ts';
import { EventTail, TAIL_LENGTH } from './event-tail.ts';
import type { SimulateOptions } from './simulate-options.ts';
import { StallWatch, type Liveness } from './stall-watch.ts';

/** A last bound, for what is neither a stall nor short. */
const DEFAULT_MAX_EVENTS = 10_000_000;

/** Ends a simulation that goes on for ever. */
export class EndlessWatch {
  /** Fired events at which to look next. */
  lookAt: number;
  readonly #clock: VirtualClock;
  readonly #judge: EndJudge;
  readonly #maxEvents: number;
  readonly #stall: StallWatch | undefined;
  #tail: EventTail | undefined;

  /** `maxEvents` as the scenario states it: then it is the only bound. */
  constructor(
    clock: VirtualClock,
    judge: EndJudge,
    liveness: () => Liveness,
    { maxEvents, defaultMaxEvents = DEFAULT_MAX_EVENTS, stallLookEvery }: SimulateOptions,
  ) {
    this.#clock = clock;
    this.#judge = judge;
    this.#maxEvents = maxEvents ?? defaultMaxEvents;
    this.#stall = maxEvents === undefined ? new StallWatch(clock, liveness, stallLookEvery) : undefined;
    this.lookAt = this.#nextLookAt();
  }

  /** To be called once `lookAt` events have fired: true if the simulation has failed. */
  look(): boolean {
    const { fired } = this.#clock;
    const stall = this.#stall;
    if (stall !== undefined && fired >= stall.lookAt) {
      const repeats = stall.look();
      if (repeats !== undefined) {
        this.#judge.judgeStall(repeats);
        return true;
      }
    }
    if (fired >= this.#maxEvents - TAIL_LENGTH && this.#isOverBudget()) return true;
    this.lookAt = this.#nextLookAt();
    return false;
  }

  /** Ends what it watches. */
  stop(): void {
    this.#stall?.stop();
  }

  #nextLookAt(): number {
    const tailAt = this.#tail === undefined ? this.#maxEvents - TAIL_LENGTH : this.#maxEvents;
    return Math.min(tailAt, this.#stall?.lookAt ?? Infinity);
  }

  #isOverBudget(): boolean {
    if (this.#tail === undefined) {
      this.#tail = new EventTail();
      this.#clock.addFireListener(this.#tail.watch);
    }
    if (this.#clock.fired < this.#maxEvents) return false;
    const cycle = this.#tail.describeCycle();
    const next = cycle === undefined ? this.#clock.pendingLabels(SHOWN_MAX) : [cycle];
    this.#judge.judgeBudget(this.#maxEvents, next);
    return true;
  }
}
