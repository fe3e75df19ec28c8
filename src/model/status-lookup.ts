/**
 * The usual ways to read statuses: one run, all runs, or wait for a state. They work with any querier and rely only on
 * its contract; an empty answer is a typed error, never an undefined status (R40, R42).
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { RunState } from './run-state.ts';
import type { RunID } from './run-status.ts';
import { NoStatusError, unknownRun } from './status-errors.ts';
import { ALL_MASK, DONE_MASK, maskForState, type StateMask } from './state-mask.ts';
import type { QueryResult, StatusQuerier, StatusQueryNower, StatusResult } from './status-reader.ts';
import { waitForever } from './query.ts';

const QUERY = is.withMethods('query');
const QUERY_NOW = is.withMethods('queryNow');
const RESULT = is.objectOf<Pick<QueryResult, 'statuses'>>(
  'a QueryResult',
  { statuses: is.listOf(is.ANY, 'a list of run statuses') },
  {},
);

/**
 * The first status of a result, with the service status of the same instant.
 * See {@link finalStatus}.
 *
 * @throws NoStatusError `RUNNER_NO_STATUS` for an empty list; it carries the service status (R42). RunnerError
 * `RUNNER_INVALID_ARGUMENT` for anything but a result.
 */
export function singleStatus(result: QueryResult): StatusResult {
  check('result', result, RESULT);
  const { statuses, service } = result;
  const [status] = statuses;
  if (status === undefined) throw new NoStatusError(service);
  return { status, service };
}

/**
 * The current status of one run; rejects with `RUNNER_UNKNOWN_RUN` for an unknown run (R40). See {@link finalStatus}.
 */
export async function statusNow(querier: StatusQueryNower, runId: RunID): Promise<StatusResult> {
  check('querier', querier, QUERY_NOW);
  const { statuses, service } = await querier.queryNow({ runs: [runId], states: ALL_MASK });
  const [status] = statuses;
  if (status === undefined) throw unknownRun(runId);
  return { status, service };
}

/**
 * The current status of all runs that are remembered, in creation order (R37, R43); those of a runner are as many as its
 * option `history` says. See {@link finalStatus}.
 */
export async function statusAll(querier: StatusQueryNower): Promise<QueryResult> {
  check('querier', querier, QUERY_NOW);
  return querier.queryNow({ allRuns: true, states: ALL_MASK });
}

/**
 * Waits without limit for the terminal status of a run (R41). The signal, if given, ends the wait (R34). Rejects like
 * `StatusQuerier.query`.
 *
 * @example
 * ```ts
 * import { finalStatus, type Service } from 'dryrunner';
 * async function exitCode(service: Service, runId: string): Promise<number> {
 *   const { status } = await finalStatus(service, runId);
 *   return status.exitCode;
 * }
 * ```
 */
export function finalStatus(
  querier: StatusQuerier,
  runId: RunID,
  signal?: AbortSignal,
): Promise<StatusResult> {
  return awaitSingle(querier, runId, DONE_MASK, signal);
}

/**
 * Waits without limit until the run is in state `expected` (R41). Rejects with `RUNNER_CANNOT_HAPPEN` when the run can
 * no longer reach it (R36), and with `RUNNER_INVALID_ARGUMENT` if it is not a state. See {@link finalStatus}.
 */
export async function waitForState(
  querier: StatusQuerier,
  runId: RunID,
  expected: RunState,
  signal?: AbortSignal,
): Promise<StatusResult> {
  return awaitSingle(querier, runId, maskForState(expected), signal);
}

/** Chains promises instead of using `await`, which would keep a frame for every waiter. */
function awaitSingle(
  querier: StatusQuerier,
  runId: RunID,
  states: StateMask,
  signal: AbortSignal | undefined,
): Promise<StatusResult> {
  try {
    check('querier', querier, QUERY);
    return Promise.resolve(querier.query({ runs: [runId], states }, waitForever(signal))).then(singleStatus);
  } catch (error) {
    return Promise.reject(error);
  }
}
