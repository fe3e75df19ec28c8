/**
 * The fixed texts of the contract (R23) and of the model's documentation. Callers match on error codes; these texts are
 * what people and older clients see.
 *
 * | model | here |
 * | --- | --- |
 * | `LoggingErrMsg` | `LOGGING_ERR_MSG` |
 * | `NoRunnersMsg` | `NO_RUNNERS_MSG` |
 * | `RunnerBusyMsg` | `RUNNER_BUSY_MSG` |
 * | `QueueFullMsg` | `QUEUE_FULL_MSG` |
 * | `QueueInitingMsg` | `QUEUE_INITING_MSG` |
 * | `QueueInvalidMsg` | `QUEUE_INVALID_MSG` |
 * | `WorkerUnhealthyMsg` | `WORKER_UNHEALTHY_MSG` |
 * | "unknown run id X" | `unknownRunMessage(X)` |
 */
import { describeValue } from '../kernel/errors.ts';
import type { RunID } from './run-status.ts';

/** The logs of a run could not be created. See {@link unknownRun}. */
export const LOGGING_ERR_MSG = 'Error initializing logging.';
/** A scheduler has no runner to offer. See {@link unknownRun}. */
export const NO_RUNNERS_MSG = 'No runners available.';
/** The runner of a client is already busy. See {@link unknownRun}. */
export const RUNNER_BUSY_MSG = 'Runner is busy';
/** Error of `run` before initialization is complete, code `RUNNER_INITIALIZING` (R63). See {@link unknownRun}. */
export const QUEUE_INITING_MSG = 'Queue is still initializing. Please try later.';
/** Error of `run` while the runner is full, code `RUNNER_BUSY` (R64). See {@link unknownRun}. */
export const QUEUE_FULL_MSG = 'No resources available. Please try later.';
/**
 * Error of `run` while the runner is unhealthy, code `RUNNER_UNHEALTHY` (R64), and of runs that are drained then (R83).
 * See {@link unknownRun}.
 */
export const WORKER_UNHEALTHY_MSG = 'Worker is unhealthy.';
/** Error of `run` after a failed initialization, code `RUNNER_BROKEN` (R63). See {@link unknownRun}. */
export const QUEUE_INVALID_MSG = 'Failed initialization, queue permanently broken.';

/** The message for an id that the store does not know, code `RUNNER_UNKNOWN_RUN` (R26). See {@link unknownRun}. */
export function unknownRunMessage(runId: RunID): string {
  return `unknown run id ${typeof runId === 'string' ? runId : describeValue(runId)}`;
}
