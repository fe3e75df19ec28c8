/**
 * The current schedule of an exhaustive search: the events that have fired, and the questions with the answers left to
 * try. Invariant: the next execution repeats everything up to the last question, and memory is that of one schedule.
 */
import type { Question } from '../../kernel/question.ts';
import type { EventIdentity } from './event-identity.ts';
import { isAsleep, NOBODY, stillAsleep, type Outcome, type Sleeper } from './exhaustive-sleep.ts';

/** An event that has fired. */
export interface Step {
  readonly identity: EventIdentity;
  /** Index of the step that put it into the queue; -1 for none. */
  readonly maker: number;
  /** Number of events put into the queue before it fired. */
  readonly made: number;
  readonly atMs: number;
  /**
   * Index of the first step of its stretch: the events that were due together, and those they created that were due at
   * once. The passing of time, and end-of-instant events, have a fixed order, so events can be swapped only within a
   * stretch.
   */
  readonly stretch: number;
  /** The question that this event answered; undefined if it was the only one due. */
  readonly point: OrderPoint | undefined;
  readonly sleepers: readonly Sleeper[];
  readonly answers: number[];
  footprint: number;
}

/** A question about order. */
export class OrderPoint {
  readonly kind = 'order';
  readonly question: Question;
  /** Index of the step that is the answer. */
  readonly step: number;
  /** Identities of the alternatives, in the order of their creation. */
  readonly due: readonly number[];
  /** The sleep set when the question was first asked. */
  readonly sleepers: readonly Sleeper[];
  answer: number;
  /** Outcomes so far of the answer that is being explored. */
  outcomes: Outcome[] = [];
  readonly #wanted: boolean[];
  readonly #explored: Sleeper[] = [];

  constructor(
    question: Question,
    step: number,
    due: readonly number[],
    sleepers: readonly Sleeper[],
    answer: number,
  ) {
    this.question = question;
    this.step = step;
    this.due = due;
    this.sleepers = sleepers;
    this.answer = answer;
    this.#wanted = due.map((_, k) => k === answer);
  }

  /** The sleep set while the current answer is explored: the earlier sleepers, and the answers explored so far. */
  get asleep(): readonly Sleeper[] {
    const explored = this.#explored;
    if (explored.length === 0) return this.sleepers;
    const rest = this.sleepers.filter(({ event }) => !explored.some((one) => one.event === event));
    return [...rest, ...explored];
  }

  /** True if the answer was or will be explored. */
  isWanted(k: number): boolean {
    return this.#wanted[k] === true;
  }

  want(k: number): void {
    this.#wanted[k] = true;
  }

  /** Requests the answers from 0 to `last`, or all. */
  wantUpTo(last: number): void {
    this.#wanted.fill(true, 0, last + 1);
  }

  /** Moves to the next wanted answer that does not sleep; false if there is none. */
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
  readonly question: Question;
  /** Index of the step that was firing. */
  readonly step: number;
  readonly n: number;
  /** Number of answers other than 0 given earlier to such questions. */
  readonly faultsBefore: number;
  answer: number;
}

export type Point = OrderPoint | ValuePoint;

/** The sleep set after the last of `steps`. */
export function asleepAfter(steps: readonly Step[]): readonly Sleeper[] {
  const last = steps.at(-1);
  return last === undefined ? NOBODY : stillAsleep(last.sleepers, last.identity.number, last.footprint);
}
