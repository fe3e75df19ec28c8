/**
 * Formats what is known about a failing execution apart from its explanation. Invariant: plain text, as for
 * explanations.
 */
import { onOneLine } from '../../kernel/one-line.ts';
import { isStackLine } from '../../kernel/stack-line.ts';
import { counted, formatCount } from '../../model/plural.ts';
import type { FailingExecution, ShrunkExecution } from '../failing-execution.ts';
import { unusualCount } from '../keyed-log.ts';
import { type ExplanationLine, explanationLine } from './explanation-text.ts';
import { plainHistory } from './plain-history.ts';
import { framesOf } from './source-place.ts';

/** Says how to give an explanation more time than `timeMs`. */
export type LongerText = (timeMs: number) => string;

/** The details of a failure, indented; a stack below a detail is reduced to the user's lines. */
export function formatDetails(details: readonly string[]): ExplanationLine[] {
  return details.flatMap((detail) => {
    const lines = detail.split('\n');
    const stack = lines.filter(isStackLine).join('\n');
    const frames = framesOf(stack);
    return [
      ...lines.filter((line) => !isStackLine(line)).map((line) => explanationLine('note', `    ${line}`)),
      ...frames.map((frame) => explanationLine('place', `      ${frame}`)),
    ];
  });
}

/** The facts of a failure that are known without an explanation. */
export type UnexplainedFailure = Pick<FailingExecution, 'message' | 'details' | 'decisions' | 'atMs'> &
  Partial<Pick<FailingExecution, 'traceHash'>>;

/** What is known about a failure without an explanation. */
export function formatUnexplained(failing: UnexplainedFailure): ExplanationLine[] {
  return [...formatMessage(failing.message), ...formatKnown(failing)];
}

/** The lines of a message, indented. */
export function formatMessage(message: string): ExplanationLine[] {
  return message.split(/\r?\n/).map((line) => explanationLine('note', `  ${line}`));
}

/** As `formatUnexplained`, without the message. */
export function formatKnown(failing: UnexplainedFailure): ExplanationLine[] {
  const { lines, leftOut } = plainHistory(failing.decisions, failing);
  const decided = lines.map(({ role, atMs, text }) =>
    explanationLine(
      role,
      role === 'failure' ? `  ${atMs === undefined ? '' : `${atMs} ms `}! ${text}` : `    ? ${text}`,
    ),
  );
  return [
    ...formatDetails(failing.details),
    ...(lines.length === 1 ? [] : [explanationLine('heading', 'What was decided'), ...decided]),
    ...(leftOut === 0
      ? []
      : [explanationLine('note', `      (${counted(leftOut, 'earlier decision')} left out)`)]),
  ];
}

/**
 * The results of shrinking and explaining. `unrepeated` is the advice for a failure that does not repeat, unless it is
 * shown elsewhere.
 */
export function formatEffort(
  failing: FailingExecution,
  longer: LongerText,
  unrepeated: string | undefined,
): string[] {
  const { shrunk, file } = failing;
  return [
    ...(shrunk === undefined ? [] : [`  ${shrunkText(failing, shrunk)}`]),
    ...(shrunk?.flakiness === undefined || unrepeated === undefined ? [] : [`  ${unrepeated}`]),
    ...formatCutShort(failing, longer),
    ...(file === undefined ? [] : [`  kept in ${file}, and tried first next time`]),
  ].map(onOneLine);
}

function shrunkText({ decisions }: FailingExecution, shrunk: ShrunkExecution): string {
  if (shrunk.flakiness !== undefined) return `not shrunk, because it does not repeat: ${shrunk.flakiness}`;
  if (shrunk.wasBegunOnly === true) {
    return 'not shrunk: its beginning fails as well, and running it to its end takes longer than the time for shrinking';
  }
  const [before, after] = [decisions, shrunk.decisions].map(unusualCount) as [number, number];
  const end = shrunk.stoppedBy === 'minimal' || after === 0 ? '' : ', and might get even smaller';
  const what = `${counted(before, 'choice')} that ${before === 1 ? 'differs' : 'differ'} from the default`;
  const tried = counted(shrunk.executions, 'execution');
  if (before === 0) return `nothing to shrink: it fails with every choice at its default`;
  return before === after
    ? `with ${what}, which is as few as ${tried} could find${end}`
    : `shrunk in ${tried}, from ${what} to ${formatCount(after)}${end}`;
}

/** Why the explanation is missing or incomplete, and what helps, in one line; empty for a complete one. */
export function formatCutShort(failing: FailingExecution, longer: LongerText): string[] {
  const { cutShort, explanation, shrunk = failing } = failing;
  if (cutShort === undefined) return [];
  if (cutShort.by === 'events') {
    const [all, most] = [shrunk.firedEvents, cutShort.eventsMax].map(formatCount);
    return [
      explanation === undefined
        ? `  not explained: it has ${all} events, and at most ${most} can be watched`
        : `  explained by the first ${most} of its ${all} events`,
    ];
  }
  const untried =
    explanation === undefined
      ? ''
      : `; ${counted(explanation.nearestSearch.untried, 'decision')} not tried with all other answers`;
  if (cutShort.by === 'stop') {
    return [untried === '' ? '  not explained: stopped before' : `  explaining it was stopped${untried}`];
  }
  const { timeMs } = cutShort;
  const time = `${Math.round(timeMs / 100) / 10} s`;
  return [
    untried === ''
      ? `  not explained within ${time}; ${longer(timeMs)}`
      : `  explaining it took all of its ${time}${untried}; ${longer(timeMs)}`,
  ];
}
