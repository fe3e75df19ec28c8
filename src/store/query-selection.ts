/** Finds the runs that a query lists, and the statuses that it matches now (R24, R26, R37). */
import type { Query } from '../model/query.ts';
import { isTerminal } from '../model/run-state.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import { maskMatches } from '../model/state-mask.ts';
import { unknownRun } from '../model/status-errors.ts';
import type { RunRecord, RunTable } from './run-table.ts';

const NONE: readonly RunRecord[] = [];

/**
 * The runs that the query lists, in its order and without duplicates (R37).
 *
 * @throws RunnerError `RUNNER_UNKNOWN_RUN` for the first listed id that is not known (R26).
 */
export function listedRecords({ runs = [] }: Query, table: RunTable | undefined): readonly RunRecord[] {
  if (runs.length === 0) return NONE;
  if (runs.length === 1) return [recordOf(runs[0] as RunID, table)];
  return Array.from(new Set(runs), (runId) => recordOf(runId, table));
}

function recordOf(runId: RunID, table: RunTable | undefined): RunRecord {
  const record = table?.get(runId);
  if (record === undefined) throw unknownRun(runId);
  return record;
}

/** The statuses that the query matches now; `records` are the runs that it lists. */
export function selectStatuses(
  { allRuns = false, states }: Query,
  records: readonly RunRecord[],
  table: RunTable | undefined,
): RunStatus[] {
  if (allRuns) return table?.matching(states) ?? [];
  const statuses: RunStatus[] = [];
  for (const { status } of records) {
    if (maskMatches(states, status.state)) statuses.push(status);
  }
  return statuses;
}

/** True if none of the runs can change its state any more. */
export function allTerminal(records: readonly RunRecord[]): boolean {
  return records.every(({ status }) => isTerminal(status.state));
}
