/** The error of a file that its reader cannot accept: the line, what was expected, and what was found. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { RunnerError, shownText } from '../kernel/errors.ts';

/** What is wrong with a file. */
export type TraceProblem =
  /** The file is empty. */
  | 'empty'
  /** Not a file of this package: another format, or binary data. */
  | 'foreign'
  /** Written by a newer version of this package. */
  | 'too-new'
  /** Written by an older version of this package, in a format that is no longer supported. */
  | 'too-old'
  /** A file of this package, but not of the requested kind. */
  | 'wrong-kind'
  /** Cut off before its end. */
  | 'truncated'
  /** An invalid line, or contents that do not match the sums in the last line. */
  | 'corrupted'
  /** A line that exceeds the reader's limit. */
  | 'too-long';

/** Details of a {@link TraceFormatError}. */
export interface TraceFault {
  readonly problem: TraceProblem;
  /** The affected line, from 1. */
  readonly line: number;
  readonly expected: string;
  /** What was found, in words. */
  readonly actual: string;
  /** Suggested remedy, in words. */
  readonly hint?: string;
  /** The underlying error, if any. */
  readonly cause?: unknown;
}

/** A `RUNNER_TRACE_FORMAT` error with the line and the kind of problem. See {@link openTrace}. */
export class TraceFormatError extends RunnerError {
  readonly problem: TraceProblem;
  readonly line: number;

  constructor(fault: TraceFault) {
    check('fault', fault, is.readable('an object with problem, line, expected and actual'));
    const { problem, line, expected, actual, hint, ...rest } = fault;
    const advice = hint === undefined ? '' : ` (${shownText(hint)})`;
    super(
      'RUNNER_TRACE_FORMAT',
      `line ${shownText(line)}: expected ${shownText(expected)}, got ${shownText(actual)}${advice}`,
      {
        expected,
        actual,
        ...rest,
      },
    );
    this.problem = problem;
    this.line = line;
  }
}
