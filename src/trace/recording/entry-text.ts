/** Describes entries of a recording, one line each. */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { onOneLine } from '../../kernel/one-line.ts';
import { isStep, type RecordedAnswer, type RecordedEntry, type RecordedStep } from '../../model/recording.ts';
import { formatEvent } from '../event-text.ts';

/**
 * Describes an entry and its time in one line.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but an object.
 * @example
 * ```ts
 * import { formatEntry } from 'dryrunner/trace';
 * const line = formatEntry({ at: 5, runner: 'exec', type: 'call', call: 'abort', nth: 1, runId: '0' });
 * if (line !== '5 ms: exec was called: abort 0') throw new Error(line);
 * ```
 */
export function formatEntry(entry: RecordedEntry): string {
  check('entry', entry, is.readable('an entry of a recording'));
  return isStep(entry) ? onOneLine(stepText(entry)) : formatEvent(entry);
}

/** Where the entry of that index is, in a recording and in the file that is written of it, whose first line is a header. */
export function entryPlace(index: number): string {
  return `entry ${index + 1} (line ${index + 2} of its file)`;
}

function stepText(entry: RecordedStep): string {
  const { at, runner } = entry;
  switch (entry.type) {
    case 'runner':
      return `${at} ms: runner ${runner} was made`;
    case 'call':
      return `${at} ms: ${runner} was called: ${entry.call}${entry.runId === undefined ? '' : ` ${entry.runId}`}`;
    case 'returned':
      return `${at} ms: ${runner} answered ${entry.call} ${entry.nth}`;
    case 'fired':
      return `${at} ms: "${entry.label}" of ${runner} came due`;
    case 'asked':
      return `${at} ms: ${runner} asked for ${subject(entry)}${entry.answer === undefined ? '' : `: ${answerText(entry.answer)}`}`;
    case 'cancelled':
      return `${at} ms: ${runner} cancelled ${subject(entry)}`;
    case 'answered':
      return `${at} ms: ${runner} got ${subject(entry)}: ${answerText(entry.answer)}`;
    case 'output':
      return `${at} ms: the process of run ${entry.runId} of ${runner} wrote to ${entry.stream}`;
    case 'memory':
      return `${at} ms: the process of run ${entry.runId} of ${runner} passed its memory cap`;
  }
}

function subject({ what, name }: { readonly what: string; readonly name: string }): string {
  return name === '' ? what : `${what} ${name}`;
}

function answerText({ error, status }: RecordedAnswer): string {
  if (error !== undefined) return `error ${JSON.stringify(error)}`;
  return status === undefined ? 'done' : `${status.state} ${status.exitCode}`;
}
