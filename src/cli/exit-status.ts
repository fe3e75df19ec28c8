/**
 * Exit codes of the command line, except those of `exec` for the command that it runs, and the ways in which a command
 * ends. Invariant: imports nothing, so that it is there if nothing else can be loaded.
 */

/** Exit codes of the command line. */
export const EXIT_STATUS: {
  readonly HELD: 0;
  readonly FAILED: 1;
  readonly USAGE: 2;
  readonly DIVERGED: 3;
  /** Nobody reads the output any more, as after SIGPIPE. */
  readonly CLOSED: 141;
} = Object.freeze({ HELD: 0, FAILED: 1, USAGE: 2, DIVERGED: 3, CLOSED: 141 });

/** The `exec` command itself failed, for example because of wrong options, or could start nothing at all. */
export const EXEC_FAILED = 125;

/** Exit code of a failure of the command line itself. `exec` leaves the low codes to the command that it runs. */
export function ownFailure(usual: ExitStatus = EXIT_STATUS.USAGE): number {
  return process.argv[2] === 'exec' ? EXEC_FAILED : usual;
}

/** What to say of an error if no file could be opened any more; undefined for any other. */
export function noDescriptorText(error: unknown): string | undefined {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  if (code === 'EMFILE') return 'error: no file descriptor is left to open another file: raise `ulimit -n`';
  return code === 'ENFILE' ? 'error: the machine has no file descriptor left' : undefined;
}

/** The exit code chosen by the command itself, as opposed to one set by user code. */
let chosen: number | undefined;

/** Ends the process now with this code. All code of this package ends it this way. */
export function endProcess(code: number): never {
  chosen = code;
  process.exit(code);
}

/** Sets the code with which the process will end, whenever it ends. */
export function chooseExitCode(code: number): void {
  chosen = code;
  process.exitCode = code;
}

/** Undefined while the command is running. */
export function chosenExitCode(): number | undefined {
  return chosen;
}

/** Signals that ask a command to end. */
export type EndSignal = 'SIGHUP' | 'SIGINT' | 'SIGPIPE' | 'SIGQUIT' | 'SIGTERM';

/** Exit codes that a shell reports for a command ended by a signal, 128 plus its number: 129, 130, 131, 141 and 143. */
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
const END_SIGNALS = Object.keys(SIGNAL_STATUS) as EndSignal[];

/** The exit code of a command that was ended by this signal. */
export function signalStatus(signal: EndSignal): SignalStatus {
  return SIGNAL_STATUS[signal];
}

/**
 * Makes the process end by SIGHUP itself, so that its parent sees 129. Otherwise Node would abort at exit, because it
 * cannot reset a terminal that has been closed. Has no effect without a terminal.
 */
export function exitByHangUp(): void {
  if (process.stdout.isTTY || process.stderr.isTTY) exitBySignal(SIGNAL_STATUS.SIGHUP);
}

/**
 * Makes the process end, when it exits, by the signal of that status itself: its parent sees the same, and the system
 * waits for none of its threads.
 */
export function exitBySignal(status: SignalStatus): void {
  const signal = END_SIGNALS.find((name) => SIGNAL_STATUS[name] === status);
  process.once('exit', () => {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/**
 * A signal came before there was anything to print: the command prints one line and ends at once with the signal's exit
 * code, even if work is still going on.
 */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
  readonly status: SignalStatus;

  constructor(message: string, status: SignalStatus) {
    super(message);
    this.status = status;
  }
}

/** Wrong usage that is detected only while the command runs: printed as one line, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
