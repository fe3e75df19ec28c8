/** What the process says to whoever started it. */

/** Exit codes of the command line. */
export const EXIT_STATUS: {
  readonly HELD: 0;
  readonly FAILED: 1;
  readonly USAGE: 2;
  readonly DIVERGED: 3;
  readonly INTERRUPTED: 130;
  /** Whoever read the output has gone, as after SIGPIPE. */
  readonly CLOSED: 141;
} = Object.freeze({ HELD: 0, FAILED: 1, USAGE: 2, DIVERGED: 3, INTERRUPTED: 130, CLOSED: 141 });

/** One of the exit codes. */
export type ExitStatus = (typeof EXIT_STATUS)[keyof typeof EXIT_STATUS];

/** Ended by a signal before there was anything to print: one line, exit 130, whatever still goes on. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

/** Wrong usage that only shows once the command is at work: printed as one line, exit 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
