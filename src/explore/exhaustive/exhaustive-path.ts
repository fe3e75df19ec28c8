/**
 * The schedule at which an exhaustive search is: the events that have fired, and the questions with what is left to try at each.
 * Invariant: everything up to the last question is repeated by the next execution, and memory is that of one schedule.
 */
import type { EventIdentity } from './event-identity.ts';
import { isAsleep, NOBODY, stillAsleep, type Outcome, type Sleeper } from './exhaustive-sleep.ts';

/** An event that has fired. */
export interface Step {
  readonly identity: EventIdentity;
  /** Index of the step that made it; -1 for none. */
  readonly cause: number;
  /** Events made before it fired. */
  readonly made: number;
  readonly atMs: number;
  /**
   * Index of the first step of its stretch: events that were due together, and what they made that was due at once. Time, and
   * end-of-instant events, fire in one order only, so that swaps are possible within a stretch alone.
   */
  readonly stretch: number;
  /** The question of which this event was the answer; undefined if it was alone. */
  readonly point: OrderPoint | undefined;
  readonly sleepers: readonly Sleeper[];
  readonly answers: number[];
  footprint: number;
}

/** A question about order. */
export class OrderPoint {
  readonly kind = 'order';
  /** Index of the step that is the answer. */
  readonly step: number;
  /** Identities of the alternatives, in the order of their making. */
  readonly due: readonly number[];
  /** Who slept when the question was asked first. */
  readonly sleepers: readonly Sleeper[];
  answer: number;
  /** How the answer at work went so far. */
  outcomes: Outcome[] = [];
  readonly #wanted: boolean[];
  readonly #explored: Sleeper[] = [];

  constructor(step: number, due: readonly number[], sleepers: readonly Sleeper[], answer: number) {
    this.step = step;
    this.due = due;
    this.sleepers = sleepers;
    this.answer = answer;
    this.#wanted = due.map((_, k) => k === answer);
  }

  /** Who sleeps while the answer at work is explored: who slept before, and the answers that were explored. */
  get asleep(): readonly Sleeper[] {
    const explored = this.#explored;
    if (explored.length === 0) return this.sleepers;
    const rest = this.sleepers.filter(({ event }) => !explored.some((one) => one.event === event));
    return [...rest, ...explored];
  }

  /** True if it was or will be explored. */
  isWanted(k: number): boolean {
    return this.#wanted[k] === true;
  }

  want(k: number): void {
    this.#wanted[k] = true;
  }

  wantAll(): void {
    this.#wanted.fill(true);
  }

  /** Goes on to the next answer that is wanted and does not sleep; false if there is none. */
  advance(): boolean {
    const event = this.due[this.answer] as number;
    this.#explored.push({ event, outcomes: this.outcomes, explored: this.outcomes.length });
    this.outcomes = [];
    const { asleep } = this;
    const next = this.due.findIndex(
      (other, k) => this.isWanted(k) && !this.#isExplored(other) && !isAsleep(asleep, other),
    );
    if (next < 0) return false;
    this.answer = next;
    return true;
  }

  #isExplored(event: number): boolean {
    return this.#explored.some((one) => one.event === event);
  }
}

/** A question for a value. */
export interface ValuePoint {
  readonly kind: 'value';
  /** Index of the step that was firing. */
  readonly step: number;
  readonly n: number;
  /** Answers other than 0 that were given to such questions before. */
  readonly faultsBefore: number;
  answer: number;
}

export type Point = OrderPoint | ValuePoint;

/** Who sleeps after the last of `steps`. */
export function asleepAfter(steps: readonly Step[]): readonly Sleeper[] {
  const last = steps.at(-1);
  return last === undefined ? NOBODY : stillAsleep(last.sleepers, last.identity.number, last.footprint);
}
