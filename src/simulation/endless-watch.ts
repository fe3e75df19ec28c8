/**
 * Notices that a simulation will not end by itself: it stalls, or exceeds its event budget. Invariant: between two
 * looks it costs one comparison per event.
 */
import type { EventInfo } from '../kernel/event-queue.ts';
import type { Topic } from '../kernel/question.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import { SHOWN_MAX, type EndJudge } from './end-judge.ts';
import type { SimulateOptions } from './simulate-options.ts';
import { StallWatch, type Liveness } from './stall-watch.ts';

/** Number of events kept. */
export const TAIL_LENGTH = 4096;
const TIMES_SEEN_MIN = 3;
/** Many events may be due together even in a simulation that makes progress. */
const INSTANT_MIN = 1_000;

/** The last events of a run that does not end, and the cycle in which they repeat. */
export class EventTail {
  readonly #topics: Topic[] = [];
  #firstMs: number | undefined;
  #lastMs: number | undefined;

  readonly watch = ({ topic, atMs }: EventInfo): void => {
    this.#topics.push(topic);
    this.#firstMs ??= atMs;
    this.#lastMs = atMs;
  };

  /** The time at which all kept events fired; undefined if time advanced, or there are too few events. */
  get instantMs(): number | undefined {
    return this.#topics.length >= INSTANT_MIN && this.#firstMs === this.#lastMs ? this.#lastMs : undefined;
  }

  /**
   * Returns `repeats every 3 events: a → b → c` if the second half of the events repeats one cycle at least three
   * times, ignoring subjects; else undefined. A subject that changes from round to round is shown as `#`. The text does
   * not depend on where the run stopped: it begins with the event that is first in alphabetical order.
   */
  describeCycle(): string | undefined {
    const period = findPeriod(this.#topics.map(({ site }) => site));
    if (period === undefined) return undefined;
    const last = this.#topics.slice(-period);
    const before = this.#topics.slice(-2 * period, -period);
    const shown = last.map(({ text, site }, index) => (text === before[index]?.text ? text : site));
    const events = period === 1 ? 'event' : `${period} events`;
    return `repeats every ${events}: ${smallestRotation(shown).join(' → ')}`;
  }
}

/** The shortest period of the second half of `sites`. */
function findPeriod(sites: readonly string[]): number | undefined {
  const { length } = sites;
  for (let period = 1; period * TIMES_SEEN_MIN <= length; period += 1) {
    const from = length - Math.max(period * TIMES_SEEN_MIN, Math.ceil(length / 2));
    if (hasPeriod(sites, from, period)) return period;
  }
  return undefined;
}

function hasPeriod(sites: readonly string[], from: number, period: number): boolean {
  for (let index = sites.length - 1; index >= from + period; index -= 1) {
    if (sites[index] !== sites[index - period]) return false;
  }
  return true;
}

function smallestRotation(cycle: readonly string[]): readonly string[] {
  const rotations = cycle.map((_, index) => [...cycle.slice(index), ...cycle.slice(0, index)]);
  return rotations.reduce((best, rotation) => (isBefore(rotation, best) ? rotation : best));
}

function isBefore(one: readonly string[], other: readonly string[]): boolean {
  const index = one.findIndex((text, at) => text !== other[at]);
  return index >= 0 && (one[index] as string) < (other[index] as string);
}

/** The default limit, for what is neither a stall nor short. */
export const DEFAULT_MAX_EVENTS = 10_000_000;

/** Ends a simulation that would go on forever. */
export class EndlessWatch {
  /** The number of fired events at which to look next. */
  lookAt: number;
  readonly #clock: VirtualClock;
  readonly #judge: EndJudge;
  readonly #maxEvents: number;
  readonly #stall: StallWatch | undefined;
  #tail: EventTail | undefined;

  /** If the scenario sets `maxEvents`, that is the only limit, and stalls are not looked for. */
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

  /** Call it once `lookAt` events have fired. Returns true if the simulation has failed. */
  look(): boolean {
    const { fired } = this.#clock;
    const stall = this.#stall;
    if (stall !== undefined && fired >= stall.lookAt) {
      const repeats = stall.look();
      if (repeats !== undefined) {
        this.#judge.judgeStall(repeats, this.#dueLater(`more than ${stall.stillEvents}`, stall.instantMs));
        return true;
      }
    }
    if (fired >= this.#maxEvents - TAIL_LENGTH && this.#isOverBudget()) return true;
    this.lookAt = this.#nextLookAt();
    return false;
  }

  /** Stops watching. */
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
    this.#judge.judgeBudget(this.#maxEvents, [
      ...this.#dueLater(`the last ${TAIL_LENGTH}`, this.#tail.instantMs),
      ...next,
    ]);
    return true;
  }

  /**
   * Says that `which` events have fired at `instantMs` while another one is due later, which may be what would end
   * them. Empty if time advances, or nothing is due later.
   */
  #dueLater(which: string, instantMs: number | undefined): string[] {
    if (instantMs === undefined) return [];
    const later = this.#clock.pendingEvents().find(({ atMs }) => atMs > instantMs);
    if (later === undefined) return [];
    return [
      `${which} events fired at ${instantMs} ms without time advancing; ${later.topic.text} is due later, at ${later.atMs} ms`,
    ];
  }
}
