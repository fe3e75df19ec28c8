/**
 * Delays as decisions (R148): uniform in [0, max), in a limited number of steps, so that calls often come together and the order of
 * those is a decision in turn. Invariant: answer 0 is no delay.
 */
import * as is from '../kernel/shape.ts';
import type { Choices } from '../kernel/decisions.ts';
import { microsecondsOf } from '../kernel/microseconds.ts';
import type { Topic } from '../kernel/question.ts';
import { check } from '../kernel/argument-check.ts';

/** The default number of steps. */
export const DEFAULT_DELAY_STEPS = 32;

/** How many different delays there are. */
const DELAY_STEPS = is.integer(1);

/** Draws delays. */
export class DelayDraw {
  readonly #choices: Choices;
  readonly #maxUs: number;
  /** How many different delays there are. */
  readonly #n: number;

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a maximum that is negative or not finite, or steps that are no integer ≥ 1. */
  constructor(choices: Choices, maxDelayMs: number, steps: number) {
    check('maxDelayMs', maxDelayMs, is.DURATION_MS);
    check('delaySteps', steps, DELAY_STEPS);
    this.#choices = choices;
    this.#maxUs = microsecondsOf(maxDelayMs);
    this.#n = Math.max(1, Math.min(steps, this.#maxUs));
  }

  /** A multiple of max/steps in milliseconds, rounded down to microseconds. */
  draw(topic: () => Topic): number {
    if (this.#n === 1) return 0;
    return this.#msOf(this.#choices.choose(topic().asks('delay'), this.#n, this.#msOf));
  }

  readonly #msOf = (answer: number): number => Math.floor((answer * this.#maxUs) / this.#n) / 1000;
}
