/**
 * Uniform answers that repeat late: each question gets each of its answers once before any of them again, unless it has
 * very many. Invariant: an answer depends only on seed, index of the execution, question, occurrence and n.
 */
import { seedText } from '../../kernel/seeded-random.ts';
import { hashText, mixBits } from '../../kernel/text-hash.ts';
import type { Question } from '../../kernel/question.ts';
import type { Strategy } from './strategy.ts';

const LOW_BASIS = 0x5bd1e995;
const OCCURRENCE_STEP = 0x9e3779b9;
const BLOCK_STEP = 0x85ebca77;
/**
 * Questions with more alternatives are answered independently: a block of so many executions hardly ever ends, and a
 * part of it covers its answers unevenly.
 */
const STRATA_MAX = 1024;

/**
 * Stratified sampling with one dimension per question (McKay, Beckman, Conover: A Comparison of Three Methods for
 * Selecting Values of Input Variables, Technometrics 1979): in a block of n executions, a question with n alternatives
 * gets each of them once, in an order drawn for each question and block. A bug that depends on one answer out of n
 * shows after (n + 1) / 2 executions on average, where independent draws need n; a bug that depends on several answers
 * shows no later. With more than 1024 alternatives, answers are independent draws. Execution 0 is the plain schedule: it begins the blocks of most questions, but not those of faults,
 * which would then all strike together in the executions that follow.
 */
export class StratifiedStrategy implements Strategy {
  readonly name = 'stratified';
  private readonly seedHigh: number;
  private readonly seedLow: number;
  private index = 0;

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number. */
  constructor(seed: string | number) {
    const text = `${seedText(seed)}/strata`;
    this.seedHigh = hashText(text);
    this.seedLow = hashText(text, LOW_BASIS);
  }

  begin(index: number): boolean {
    this.index = index;
    return true;
  }

  end(): void {}

  decide(question: Question, n: number, occurrence: number): number {
    const { index } = this;
    if (index === 0) return 0;
    const position = question.kind === 'fault' ? index - 1 : index;
    const place = position % n;
    const block = (position - place) / n;
    const key =
      mixBits(this.seedHigh ^ question.hash) ^ mixBits(this.seedLow + Math.imul(occurrence, OCCURRENCE_STEP));
    const word = mixBits(key + Math.imul(n > STRATA_MAX ? index : block, BLOCK_STEP)) >>> 0;
    if (n > STRATA_MAX) return Math.floor(((word + mixBits(key ^ word) / 2 ** 32 + 0.5) / 2 ** 32) * n) % n;
    const first = block === 0 && position === index ? 0 : word % n;
    return (first + stepFor(n, mixBits(word) >>> 0) * place) % n;
  }
}

/** A step that reaches all of n numbers before any repeats. */
function stepFor(n: number, word: number): number {
  if (n === 2) return 1;
  let step = 1 + (word % (n - 1));
  while (greatestCommonDivisor(n, step) !== 1) step = step === n - 1 ? 1 : step + 1;
  return step;
}

function greatestCommonDivisor(a: number, b: number): number {
  let [large, small] = [a, b];
  while (small !== 0) [large, small] = [small, large % small];
  return large;
}

/**
 * Stratified sampling (McKay, Beckman, Conover: A Comparison of Three Methods for Selecting Values of Input Variables
 * in the Analysis of Output from a Computer Code, Technometrics 1979): uniform like random, but each question gets each
 * of its n alternatives once in n executions, so a bug that depends on one answer shows in half the time. Questions with more
 * than 1024 answers are answered as by random. The first execution is the plain schedule. A pure function of seed and index.
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
