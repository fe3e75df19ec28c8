/**
 * A read-only reader over a list of statuses, such as the answer of a remote worker. It follows the store's rules on
 * matches, order and unknown ids (R57); a list never changes, so there is nothing to wait for.
 */
import { checkedIterable } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { checkQuery, type Query } from '../model/query.ts';
import { checkRunStatus, type RunID, type RunStatus } from '../model/run-status.ts';
import { checkServiceStatus, serviceStatus, type ServiceStatus } from '../model/service-status.ts';
import { statusAll, statusNow } from '../model/status-lookup.ts';
import type {
  LegacyStatusReader,
  QueryResult,
  StatusQueryNower,
  StatusResult,
} from '../model/status-reader.ts';
import { listedRecords, selectStatuses } from './query-selection.ts';
import { RunTable } from './run-table.ts';
import { copyStatus } from './status-merge.ts';

/** Answers queries from a list. Made by {@link createStatusesRO}. */
export class StatusesRO implements StatusQueryNower, LegacyStatusReader {
  readonly #table = new RunTable();
  readonly #service: ServiceStatus;

  constructor(statuses: readonly RunStatus[], service: ServiceStatus) {
    const all = checkedIterable('statuses', statuses);
    checkServiceStatus(service);
    this.#service = serviceStatus(service.initialized, service.isHealthy, service.error);
    for (const status of all) {
      checkRunStatus(status);
      if (this.#table.get(status.runId) !== undefined) {
        throw invalidArgument('statuses', 'one status per run', status.runId);
      }
      this.#table.add(copyStatus(status));
    }
  }

  async queryNow(query: Query): Promise<QueryResult> {
    checkQuery(query);
    const records = listedRecords(query, this.#table);
    return { statuses: selectStatuses(query, records, this.#table), service: this.#service };
  }

  status(runId: RunID): Promise<StatusResult> {
    return statusNow(this, runId);
  }

  statusAll(): Promise<QueryResult> {
    return statusAll(this);
  }
}

/**
 * Creates a reader over copies of `statuses`, in their order, and the service status of the same instant.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a status, and for two statuses of one run.
 * @example
 * ```ts
 * import { completeStatus, createStatusesRO, HEALTHY_SERVICE_STATUS } from 'dryrunner/kit';
 * import { statusNow } from 'dryrunner';
 * const answer = createStatusesRO([completeStatus('0', '', 0)], HEALTHY_SERVICE_STATUS);
 * const { status } = await statusNow(answer, '0');
 * ```
 */
export function createStatusesRO(statuses: readonly RunStatus[], service: ServiceStatus): StatusesRO {
  return new StatusesRO(statuses, service);
}
