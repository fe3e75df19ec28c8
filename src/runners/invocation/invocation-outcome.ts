/** How a process's end, or the reason for stopping it, becomes the outcome of its run (R101, R107, R110, R111). */
import type { ProcessStatus } from '../../model/execer.ts';
import { EXIT_CODES, type ExitCode } from '../../model/exit-code.ts';
import type { Outcome, StopCause } from './invocation-state.ts';

const ABORTED: Outcome = Object.freeze({ state: 'ABORTED', exitCode: 0, error: '', uploads: false });
const TIMEDOUT: Outcome = Object.freeze({ state: 'TIMEDOUT', exitCode: 0, error: '', uploads: true });
/** The outcome of a run that went well. */
export const COMPLETE_0: Outcome = Object.freeze({
  state: 'COMPLETE',
  exitCode: 0,
  error: '',
  uploads: true,
});

/** The outcome of a run that was stopped by a request or its deadline. */
export function stoppedOutcome(cause: 'abort' | 'deadline'): Outcome {
  return cause === 'abort' ? ABORTED : TIMEDOUT;
}

/** The machinery failed in a phase. */
export function failedOutcome(exitCode: ExitCode, error: string): Outcome {
  return { state: 'FAILED', exitCode, error, uploads: false };
}

/** The outcome of a run whose process ended, given what it was being stopped for. */
export function endedOutcome(status: ProcessStatus, stop: StopCause): Outcome {
  if (stop === 'abort' || stop === 'deadline') return stoppedOutcome(stop);
  if (stop === 'memory') return memoryOutcome(status);
  switch (status.state) {
    case 'COMPLETE':
      if (status.exitCode === 0 && status.error === '') return COMPLETE_0;
      return { state: 'COMPLETE', exitCode: status.exitCode, error: status.error, uploads: true };
    case 'FAILED':
      return failedOutcome(status.exitCode || EXIT_CODES.POST_EXEC, `error execing: ${status.error}`);
    case 'UNKNOWN':
    case 'RUNNING':
      return failedOutcome(EXIT_CODES.POST_EXEC, `unexpected exec state ${status.state}: ${status.error}`);
  }
}

/** Over the cap at the start is the machine's fault (FAILED 241), passing it later the command's (COMPLETE 1); both upload. */
function memoryOutcome(status: ProcessStatus): Outcome {
  const state = status.state === 'FAILED' ? 'FAILED' : 'COMPLETE';
  return { state, exitCode: status.exitCode, error: status.error, uploads: true };
}
