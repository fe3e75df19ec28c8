/** Which statuses a query matches (R24), and which queries are none. */
import { checkObject, unreadable } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { Query } from './query.ts';
import type { RunStatus } from './run-status.ts';
import { ALL_MASK, isStateMask, maskMatches } from './state-mask.ts';

/**
 * True if the status's state is in the mask and its id is listed, or the query looks at all runs (R24).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for what is no status or no query.
 */
export function matchesQuery(status: RunStatus, query: Query): boolean {
  try {
    checkObject('status', 'a run status', status);
    checkQuery(query);
    const { runs = [], allRuns = false, states } = query;
    return maskMatches(states, status.state) && (allRuns || runs.includes(status.runId));
  } catch (error) {
    throw unreadable('status', status, error);
  }
}

/**
 * Checks that `query` is one.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` that names the field: a mask out of range, ids that are not strings.
 */
export function checkQuery(query: unknown): asserts query is Query {
  try {
    if (typeof query !== 'object' || query === null) {
      throw invalidArgument('query', 'an object with states', query);
    }
    const { runs, allRuns, states } = query as { readonly [field in keyof Query]: unknown };
    if (!isStateMask(states)) {
      throw invalidArgument('query.states', `a mask, an integer from 0 to ${ALL_MASK}`, states);
    }
    if (allRuns !== undefined && typeof allRuns !== 'boolean') {
      throw invalidArgument('query.allRuns', 'true or false', allRuns);
    }
    if (runs === undefined) return;
    if (!Array.isArray(runs)) throw invalidArgument('query.runs', 'an array of run ids', runs);
    for (let index = 0; index < runs.length; index += 1) {
      const runId: unknown = runs[index];
      if (typeof runId !== 'string') throw invalidArgument(`query.runs[${index}]`, 'a run id', runId);
    }
  } catch (error) {
    throw unreadable('query', query, error);
  }
}
