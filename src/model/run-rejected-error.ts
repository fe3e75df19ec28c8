/** The error of a `run` that was not accepted; it carries the zero-valued status that the model would have returned. */
import { RunnerError, type RunnerErrorCode } from '../kernel/errors.ts';
import { type RunStatus, zeroStatus } from './run-status.ts';

/** Codes with which a `run` can be rejected. */
export type RunRejectionCode = Extract<
  RunnerErrorCode,
  | 'RUNNER_INITIALIZING'
  | 'RUNNER_BROKEN'
  | 'RUNNER_UNHEALTHY'
  | 'RUNNER_BUSY'
  | 'RUNNER_RELEASED'
  | 'RUNNER_INVALID_ARGUMENT'
>;

/**
 * A rejected `run` (R22): no run exists, and `status` has an empty id, state UNKNOWN and possibly an error text.
 * See {@link createSimulatedRunner}.
 */
export class RunRejectedError extends RunnerError {
  readonly status: RunStatus;

  constructor(code: RunRejectionCode, message: string, statusError = '') {
    super(code, message);
    this.status = zeroStatus(statusError);
  }
}
