/** The error of every file that is not what its reader takes: which line, what was expected, what came. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { RunnerError, shownText } from '../kernel/errors.ts';

/** In which way a file is wrong. */
export type TraceProblem =
  /** Nothing in it. */
  | 'empty'
  /** Not a file of this package at all: another format, or binary data. */
  | 'foreign'
  /** Written by a newer version of this package. */
  | 'too-new'
  /** Written by an older version of this package, in a form that is not read any more. */
  | 'too-old'
  /** A file of this package, of another kind than asked for. */
  | 'wrong-kind'
  /** Cut off before its end. */
  | 'truncated'
  /** A line that cannot be, or contents that do not fit the sums of the last line. */
  | 'corrupted'
  /** A line longer than the reader's bound. */
  | 'too-long';

/** What a {@link TraceFormatError} says. */
export interface TraceFault {
  readonly problem: TraceProblem;
  /** The line it is about, from 1. */
  readonly line: number;
  readonly expected: string;
  /** What came, in words. */
  readonly actual: string;
  /** What can be done about it, in words. */
  readonly hint?: string;
  /** The error underneath, if there is one. */
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
