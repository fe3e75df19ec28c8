/** Random that repeats itself late: the plain form of {@link StratifiedDecisions}. */
import type { Question } from '../../kernel/question.ts';
import type { Strategy } from './strategy.ts';
import { StratifiedDecisions } from './stratified-decisions.ts';

class StratifiedStrategy implements Strategy {
  readonly name = 'stratified';
  readonly #source: StratifiedDecisions;

  constructor(seed: string | number) {
    this.#source = new StratifiedDecisions(seed);
  }

  begin(index: number): boolean {
    this.#source.begin(index);
    return true;
  }

  decide(question: Question, n: number, occurrence: number): number {
    return this.#source.decide(question, n, occurrence);
  }

  end(): void {}
}

/**
 * Stratified sampling (McKay, Beckman, Conover: A Comparison of Three Methods for Selecting Values of Input Variables in the Analysis of
 * Output from a Computer Code, Technometrics 1979): uniform like random, but each question is answered with each of its n alternatives
 * once in n executions, so that what hangs on one answer shows in half the time. The first execution is the plain schedule. A pure
 * function of seed and index.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number.
 * @example
 * ```ts
 * import { question } from 'dryrunner/kernel';
 * import { stratifiedStrategy } from 'dryrunner/explore';
 * const strategy = stratifiedStrategy(7);
 * const which = question('choice', 'which');
 * const answers = [0, 1, 2, 3, 4].map((index) => strategy.begin(index) && strategy.decide(which, 5, 0));
 * if (new Set(answers).size !== 5) throw new Error('each answer once in five executions');
 * ```
 */
export function stratifiedStrategy(seed: string | number = 1): Strategy {
  return new StratifiedStrategy(seed);
}
