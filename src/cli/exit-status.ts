/** Exit codes of the command line, but for those of `exec`, and the ways by which a command ends. */

/** Exit codes of the command line. */
export const EXIT_STATUS: {
  readonly HELD: 0;
  readonly FAILED: 1;
  readonly USAGE: 2;
  readonly DIVERGED: 3;
  /** Nobody reads the output any more, as after SIGPIPE. */
  readonly CLOSED: 141;
} = Object.freeze({ HELD: 0, FAILED: 1, USAGE: 2, DIVERGED: 3, CLOSED: 141 });

/** The exit code that the command itself has chosen, as opposed to one that code of the user's sets. */
let chosen: number | undefined;

/** Ends the process now, with this code: the way for all but code of the user's. */
export function endProcess(code: number): never {
  chosen = code;
  process.exit(code);
}

/** From now on the process ends with this code, whenever it ends. */
export function chooseExitCode(code: number): void {
  chosen = code;
  process.exitCode = code;
}

/** Undefined while the command is at work. */
export function chosenExitCode(): number | undefined {
  return chosen;
}

/** Signals that ask a command to end. */
export type EndSignal = 'SIGHUP' | 'SIGINT' | 'SIGPIPE' | 'SIGQUIT' | 'SIGTERM';

/** What a shell reports for a command that a signal ended, 128 and its number: 129, 130, 131, 141 and 143. */
export type SignalStatus = 129 | 130 | 131 | 141 | 143;

/** One of the exit codes. */
export type ExitStatus = (typeof EXIT_STATUS)[keyof typeof EXIT_STATUS] | SignalStatus;

const SIGNAL_STATUS: Readonly<Record<EndSignal, SignalStatus>> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGPIPE: 141,
  SIGQUIT: 131,
  SIGTERM: 143,
};

/** The exit code of a command that this signal has ended. */
export function signalStatus(signal: EndSignal): SignalStatus {
  return SIGNAL_STATUS[signal];
}

/**
 * Makes the process end by SIGHUP itself, so that its parent sees 129. Without this Node aborts at exit, because it cannot reset a
 * terminal that has been closed. Without a terminal nothing changes.
 */
export function exitByHangUp(): void {
  if (!process.stdout.isTTY && !process.stderr.isTTY) return;
  process.once('exit', () => {
    process.removeAllListeners('SIGHUP');
    process.kill(process.pid, 'SIGHUP');
  });
}

/** Ended by a signal before there was anything to print: one line, and the exit code of that signal, whatever still goes on. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  readonly status: SignalStatus;

  constructor(message: string, status: SignalStatus) {
    super(message);
    this.status = status;
  }
}

/** Wrong usage that only shows once the command is at work: printed as one line, exit 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
