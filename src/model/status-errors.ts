/** Errors of reading statuses, created in one place so that all queriers report the same (R26, R34, R36, R42, R84). */
import { RunnerError } from '../kernel/errors.ts';
import { unknownRunMessage } from './messages.ts';
import { checkQuery, type Query } from './query.ts';
import type { RunID } from './run-status.ts';
import type { ServiceStatus } from './service-status.ts';
import { formatMask } from './state-mask.ts';

/** A query for one status returned none (R42); carries the service status that came with the empty list. */
export class NoStatusError extends RunnerError {
  readonly service: ServiceStatus;

  constructor(service: ServiceStatus) {
    super('RUNNER_NO_STATUS', 'expected one run status, got none');
    this.service = service;
  }
}

/**
 * The error for an id that is unknown or was evicted (R26, R49).
 *
 * @example
 * ```ts
 * import { DONE_MASK } from 'dryrunner';
 * import { cannotHappen, unknownRun, unknownRunMessage, waitCancelled } from 'dryrunner/kit';
 * console.log(unknownRun('7').message === unknownRunMessage('7')); // true
 * console.log(waitCancelled('no longer wanted').code); // RUNNER_WAIT_CANCELLED
 * console.log(cannotHappen({ runs: ['7'], states: DONE_MASK }).code); // RUNNER_CANNOT_HAPPEN
 * ```
 */
export function unknownRun(runId: RunID): RunnerError {
  return new RunnerError('RUNNER_UNKNOWN_RUN', unknownRunMessage(runId), { actual: runId });
}

/** The error of a wait whose signal was aborted (R34). See {@link unknownRun}. */
export function waitCancelled(reason: unknown): RunnerError {
  return new RunnerError('RUNNER_WAIT_CANCELLED', 'the wait was cancelled', { cause: reason });
}

/**
 * The error of a wait on runs that are all terminal in other states (R36).
 * See {@link unknownRun}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a query.
 */
export function cannotHappen(query: Query): RunnerError {
  checkQuery(query);
  const { runs = [], states } = query;
  const which = runs.length === 1 ? `run ${runs[0]} is` : `all ${runs.length} runs are`;
  const message = `${formatMask(states)} cannot happen any more: ${which} terminal in another state`;
  return new RunnerError('RUNNER_CANNOT_HAPPEN', message, { expected: formatMask(states) });
}
