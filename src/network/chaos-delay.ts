/**
 * Delays as decisions (R148): uniform in [0, max), in a limited number of steps, so that calls often arrive in the same
 * instant and their order becomes another decision. Invariant: answer 0 means no delay.
 */
import * as is from '../kernel/shape.ts';
import type { Choices } from '../kernel/decisions.ts';
import { microsecondsOf } from '../kernel/microseconds.ts';
import type { Topic } from '../kernel/question.ts';
import { check } from '../kernel/argument-check.ts';

/** The default number of steps. */
export const DEFAULT_DELAY_STEPS = 32;

/** Argument shape of the number of steps. */
const DELAY_STEPS = is.integer(1);

/** Draws delays. */
export class DelayDraw {
  readonly #choices: Choices;
  readonly #maxUs: number;
  /** Number of different delays. */
  readonly #n: number;

  /**
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a maximum that is negative or not finite, or a number of steps
   * that is not an integer ≥ 1.
   */
  constructor(choices: Choices, maxDelayMs: number, steps: number) {
    check('maxDelayMs', maxDelayMs, is.DURATION_MS);
    check('delaySteps', steps, DELAY_STEPS);
    this.#choices = choices;
    this.#maxUs = microsecondsOf(maxDelayMs);
    this.#n = Math.max(1, Math.min(steps, this.#maxUs));
  }

  /** Draws a delay in milliseconds: a multiple of max/steps, rounded down to microseconds. */
  draw(topic: () => Topic): number {
    if (this.#n === 1) return 0;
    return this.#msOf(this.#choices.choose(topic().asks('delay'), this.#n, this.#msOf));
  }

  readonly #msOf = (answer: number): number => Math.floor((answer * this.#maxUs) / this.#n) / 1000;
}
