/** The shapes of what explorations take. Invariant: of a log only its form is looked at; what does not fit a scenario shows when it is run. */
import { Question } from '../kernel/question.ts';
import type { KeyedDecision } from './keyed-log.ts';
import * as is from '../kernel/shape.ts';

/** What executes a scenario. */
export const EXECUTOR: is.MethodsShape = is.withMethods('execute');
/** What says what is tried next. */
export const STRATEGY: is.MethodsShape = is.withMethods('begin', 'decide', 'end');
/** What measures what an execution has reached. */
export const COVERAGE: is.MethodsShape = is.withMethods('watcher', 'takeNovelty');
/** The decisions of an execution. */
export const LOG: is.ListShape = is.listOf(
  is.such('a decision with a question, n and answer', isDecision),
  'a log of decisions',
);
/** Those of a token. */
export const KEYED_LOG: is.ListShape = is.listOf(
  is.such(
    'a decision with a question, occurrence, n and answer',
    (value) =>
      isDecision(value) && is.findMismatch(is.COUNT, (value as KeyedDecision).occurrence) === undefined,
  ),
  'a log of decisions',
);

function isDecision(value: unknown): boolean {
  const { question, n, answer } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return Question.is(question) && Number.isSafeInteger(n) && Number.isSafeInteger(answer);
}
