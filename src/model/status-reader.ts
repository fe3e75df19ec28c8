/**
 * The reading half of the contract. `queryNow` never waits and so suits remote clients; `query` may wait; the legacy
 * reader has the two oldest calls.
 */
import type { Query, Wait } from './query.ts';
import type { RunID, RunStatus } from './run-status.ts';
import type { ServiceStatus } from './service-status.ts';

/** Run statuses, and the service status of the same instant (R38). */
export interface QueryResult {
  readonly statuses: readonly RunStatus[];
  readonly service: ServiceStatus;
}

/** One run status and the service status of the same instant. */
export interface StatusResult {
  readonly status: RunStatus;
  readonly service: ServiceStatus;
}

/** Answers from the current state. */
export interface StatusQueryNower {
  /** All current matches; rejects with `RUNNER_UNKNOWN_RUN` if a listed id is unknown (R25, R26). */
  queryNow(query: Query): Promise<QueryResult>;
}

/** Answers now or waits. */
export interface StatusQuerier extends StatusQueryNower {
  /**
   * If any run matches now, all matches; otherwise the first later write that matches, alone; at the deadline an empty
   * list (R29–R31).
   *
   * Rejects with `RUNNER_UNKNOWN_RUN`, `RUNNER_WAIT_CANCELLED`, `RUNNER_CANNOT_HAPPEN`, `RUNNER_RELEASED` or
   * `RUNNER_INVALID_ARGUMENT`.
   */
  query(query: Query, wait: Wait): Promise<QueryResult>;
}

/** The two oldest reads, still common among callers. Prefer `statusNow` and `statusAll`. */
export interface LegacyStatusReader {
  /** The current status of one run; rejects with `RUNNER_UNKNOWN_RUN`. */
  status(runId: RunID): Promise<StatusResult>;
  /**
   * The current status of all runs that are remembered, in creation order. A runner of capacity 1 remembers the last one
   * alone, unless its option `history` says otherwise: to count what was started, give it `history: 0`.
   */
  statusAll(): Promise<QueryResult>;
}

/** All ways of reading statuses. */
export interface StatusReader extends StatusQuerier, LegacyStatusReader {}
