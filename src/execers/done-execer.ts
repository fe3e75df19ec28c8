/** An execer whose processes have ended as soon as they are started, all in the same configured way. */
import { checkOptions } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { Execer, Process, ProcessState, ProcessStatus } from '../model/execer.ts';
import type { ExitCode } from '../model/exit-code.ts';
import { isExitCode, isProcessDone } from './process-status.ts';

/** How the processes of a done execer end. */
export interface DoneExecerOptions {
  /** Default COMPLETE; anything but RUNNING. */
  readonly state?: ProcessState | undefined;
  /** Default 0. */
  readonly exitCode?: ExitCode | undefined;
  /** Text of the status; default empty. */
  readonly error?: string | undefined;
  /** If there is one, nothing is ever started: `exec` throws it. */
  readonly execError?: Error | undefined;
}

/** An execer that answers at once. */
export interface InstantExecer extends Execer {
  exec(): Process;
}

const STATES: readonly ProcessState[] = ['UNKNOWN', 'RUNNING', 'COMPLETE', 'FAILED'];
const DONE_STATES: readonly ProcessState[] = STATES.filter(isProcessDone);

/**
 * Makes an execer whose processes end at once with the configured state and exit code, or cannot be started (R145).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for state RUNNING, which no ended process has, and for values of a wrong type.
 *
 * @example
 * ```ts
 * import { createDoneExecer } from 'dryrunner/kit';
 * const { exitCode } = await createDoneExecer({ exitCode: 3 }).exec().wait();
 * if (exitCode !== 3) throw new Error('expected the configured exit code');
 * ```
 */
export function createDoneExecer(options: DoneExecerOptions = {}): InstantExecer {
  checkOptions(options);
  const { state = 'COMPLETE', exitCode = 0, error = '', execError } = options;
  if (!DONE_STATES.includes(state)) {
    throw invalidArgument('state', 'COMPLETE, FAILED or UNKNOWN', state);
  }
  if (!isExitCode(exitCode)) throw invalidArgument('exitCode', 'a 32-bit integer', exitCode);
  if (typeof error !== 'string') throw invalidArgument('error', 'a string', error);
  if (execError !== undefined && !(execError instanceof Error)) {
    throw invalidArgument('execError', 'an Error', execError);
  }
  const status: ProcessStatus = Object.freeze({ state, exitCode, error });
  const process: Process = { wait: () => status, abort: () => status };
  return {
    cancelBoundMs: 0,
    exec() {
      if (execError !== undefined) throw execError;
      return process;
    },
  };
}
