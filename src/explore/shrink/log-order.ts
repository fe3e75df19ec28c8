/**
 * Which of two failing executions is the simpler one: a total order, so that shrinking the same bug from another seed is drawn
 * to the same end. After the shortlex order of MacIver & Donaldson, "Test-Case Reduction via Test-Case Generation" (ECOOP 2020).
 */
import type { Verdict } from '../../simulation/verdict.ts';
import type { KeyedDecision } from '../keyed-log.ts';

/** How large an execution is. */
export interface LogSize {
  /** Decisions that let something go wrong. */
  readonly faults: number;
  /** Decisions that are not the plain one. */
  readonly nonZero: number;
  readonly firedEvents: number;
  /** All answers, the plain ones too, in the order of asking. */
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
 * Negative if `a` is simpler: fewer faults, then fewer answers that are not plain, then fewer events, then fewer questions, then a
 * smaller sum of answers, then those that are not plain earlier, then smaller ones. What a reader has to understand comes first: an
 * event more that goes its usual way costs less than a decision more.
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
