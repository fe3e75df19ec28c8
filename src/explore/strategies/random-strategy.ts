/** Random: every execution draws all answers from a number of its own. The baseline for all other strategies. */
import type { DecisionSource } from '../../kernel/decisions.ts';
import { randomDecisions } from '../../kernel/random-decisions.ts';
import type { Question } from '../../kernel/question.ts';
import type { Strategy } from './strategy.ts';

class RandomStrategy implements Strategy {
  readonly name = 'random';
  readonly #seed: string | number;
  #source: DecisionSource;

  constructor(seed: string | number) {
    this.#seed = seed;
    this.#source = randomDecisions(seed);
  }

  begin(index: number): boolean {
    this.#source = randomDecisions(`${this.#seed}/${index}`);
    return true;
  }

  decide(question: Question, n: number, occurrence: number): number {
    return this.#source.decide(question, n, occurrence);
  }

  end(): void {}
}

/**
 * Answers uniformly, keyed by question and occurrence.
 * See {@link createStrategy}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number.
 */
export function randomStrategy(seed: string | number = 1): Strategy {
  return new RandomStrategy(seed);
}
