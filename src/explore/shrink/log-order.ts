/**
 * Decides which of two failing executions is simpler. A total order, so that shrinking the same bug from different
 * seeds tends to the same result. After the shortlex order of MacIver & Donaldson, "Test-Case Reduction via Test-Case
 * Generation" (ECOOP 2020).
 */
import type { Verdict } from '../../simulation/verdict.ts';
import type { KeyedDecision } from '../keyed-log.ts';

/** Measures of an execution's size. */
export interface LogSize {
  /** Number of decisions that cause a fault. */
  readonly faults: number;
  /** Number of non-default decisions. */
  readonly nonZero: number;
  readonly firedEvents: number;
  /** All answers, defaults included, in the order of asking. */
  readonly answers: readonly number[];
  readonly sum: number;
}

/** Measures the execution that asked these questions. */
export function sizeOf(
  { firedEvents }: Pick<Verdict, 'firedEvents'>,
  log: readonly KeyedDecision[],
): LogSize {
  let faults = 0;
  let nonZero = 0;
  let sum = 0;
  for (const { question, answer } of log) {
    if (answer === 0) continue;
    nonZero += 1;
    sum += answer;
    if (question.kind === 'fault') faults += 1;
  }
  return { faults, nonZero, firedEvents, sum, answers: log.map(({ answer }) => answer) };
}

/**
 * Negative if `a` is simpler: fewer faults, then fewer non-default answers, then fewer events, then fewer questions,
 * then a smaller sum of answers, then earlier non-default answers, then smaller ones. What a reader has to understand
 * counts first: one more event that takes its usual course costs less than one more decision.
 */
export function compareSizes(a: LogSize, b: LogSize): number {
  return (
    a.faults - b.faults ||
    a.nonZero - b.nonZero ||
    a.firedEvents - b.firedEvents ||
    a.answers.length - b.answers.length ||
    a.sum - b.sum ||
    comparePositions(a.answers, b.answers) ||
    compareValues(a.answers, b.answers)
  );
}

function comparePositions(a: readonly number[], b: readonly number[]): number {
  const differing = a.findIndex((answer, index) => answer > 0 !== (b[index] as number) > 0);
  if (differing < 0) return 0;
  return a[differing] === 0 ? 1 : -1;
}

function compareValues(a: readonly number[], b: readonly number[]): number {
  const differing = a.findIndex((answer, index) => answer !== b[index]);
  return differing < 0 ? 0 : (a[differing] as number) - (b[differing] as number);
}
