/** An execer whose processes have ended as soon as they start, all with the same configured status. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Execer, Process, ProcessState, ProcessStatus } from '../model/execer.ts';
import type { ExitCode } from '../model/exit-code.ts';
import { EXIT_CODE, isProcessDone } from './process-status.ts';

/** The end of a done execer's processes. */
export interface DoneExecerOptions {
  /** Final state; anything but RUNNING. Default COMPLETE. */
  readonly state?: ProcessState | undefined;
  /** Exit code. Default 0. */
  readonly exitCode?: ExitCode | undefined;
  /** Text of the status. Default: empty. */
  readonly error?: string | undefined;
  /** If given, nothing ever starts: `exec` throws this error. */
  readonly execError?: Error | undefined;
}

/** An execer that answers synchronously. */
export interface InstantExecer extends Execer {
  exec(): Process;
}

const STATES: readonly ProcessState[] = ['COMPLETE', 'FAILED', 'UNKNOWN', 'RUNNING'];
const DONE_EXECER_OPTIONS = is.optionsOf<DoneExecerOptions>(
  {},
  {
    state: is.oneOf(...STATES.filter(isProcessDone)),
    exitCode: EXIT_CODE,
    error: is.TEXT,
    execError: is.ERROR,
  },
);

/**
 * Makes an execer whose processes end at once with the configured state and exit code, or cannot be started (R145).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for state RUNNING, which is not final, and for values of a wrong type.
 *
 * @example
 * ```ts
 * import { createDoneExecer } from 'dryrunner/kit';
 * const { exitCode } = await createDoneExecer({ exitCode: 3 }).exec().wait();
 * if (exitCode !== 3) throw new Error('expected the configured exit code');
 * ```
 */
export function createDoneExecer(options: DoneExecerOptions = {}): InstantExecer {
  check('options', options, DONE_EXECER_OPTIONS);
  const { state = 'COMPLETE', exitCode = 0, error = '', execError } = options;
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
