/**
 * Argument shapes of explorations. Invariant: only the form of a log is checked; whether it fits a scenario shows when
 * it is run.
 */
import { Question } from '../kernel/question.ts';
import type { KeyedDecision } from './keyed-log.ts';
import * as is from '../kernel/shape.ts';

/** Shape of an `Executor`. */
export const EXECUTOR: is.MethodsShape = is.withMethods('execute');
/** Shape of a `Strategy`. */
export const STRATEGY: is.MethodsShape = is.withMethods('begin', 'decide', 'end');
/** Shape of a `CoverageMeter`. */
export const COVERAGE: is.MethodsShape = is.withMethods('watcher', 'takeNovelty');
/** Shape of an execution's decisions. */
export const LOG: is.ListShape = is.listOf(
  is.satisfying('a decision with a question, n ≥ 2 and an answer below n', isDecision),
  'a log of decisions',
);
/** Shape of a token's decisions. */
export const KEYED_LOG: is.ListShape = is.listOf(
  is.satisfying(
    'a decision with a question, occurrence, n ≥ 2 and an answer below n',
    (value) =>
      isDecision(value) && is.findMismatch(is.COUNT, (value as KeyedDecision).occurrence) === undefined,
  ),
  'a log of decisions',
);

function isIntegerFrom(least: number, value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function isDecision(value: unknown): boolean {
  const { question, n, answer } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return Question.is(question) && isIntegerFrom(2, n) && isIntegerFrom(0, answer) && answer < n;
}
