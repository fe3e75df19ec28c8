/**
 * Queries and waits: which statuses are wanted, and how long to wait for them; their checks, copies and short names for
 * labels.
 */
import type { RunID, RunStatus } from './run-status.ts';
import { type StateMask, ALL_MASK, isStateMask, maskMatches } from './state-mask.ts';
import { checkObject, unreadable } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';

/** A status matches if its state is in `states` and either `allRuns` is set or its id is listed (R24). */
export interface Query {
  /** Ids to look at; each must be known (R26). Absent means none. */
  readonly runs?: readonly RunID[];
  /** Look at every run; ids listed in `runs` must be known all the same. */
  readonly allRuns?: boolean;
  readonly states: StateMask;
}

/** How long to wait. `timeoutMs` 0 answers at once; `Infinity` waits forever and sets no timer (R29–R34). */
export interface Wait {
  readonly timeoutMs: number;
  /** Ends the wait with `RUNNER_WAIT_CANCELLED` (R34). */
  readonly signal?: AbortSignal;
}

/**
 * True if a status matches a query: its state is in the mask, and its id is listed or the query looks at all runs
 * (R24).
 * See {@link checkQuery}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a status or a query.
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
 * Checks that a value is a valid query.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` that names the field: a mask out of range, ids that are not strings.
 * @example
 * ```ts
 * import { DONE_MASK } from 'dryrunner';
 * import { checkQuery, checkWait, completeStatus, matchesQuery } from 'dryrunner/kit';
 * const query = { runs: ['7'], states: DONE_MASK };
 * checkQuery(query);
 * checkWait({ timeoutMs: 1000 });
 * console.log(matchesQuery(completeStatus('7', '', 0), query)); // true
 * ```
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

/** A copy of the query, so that later changes of the caller's list of ids have no effect. */
export function copyQuery(query: Query): Query {
  const { runs } = query;
  return runs === undefined ? { ...query } : { ...query, runs: runs.slice() };
}

/**
 * The subject of a query in one word, for labels of timers and decisions: the run id of a query on one run, `3+4` for
 * run 3 and four more, `all` for all runs, empty for none.
 */
export function querySubject({ runs = [], allRuns = false }: Query): string {
  if (allRuns) return 'all';
  const [first] = runs;
  if (first === undefined) return '';
  return runs.length === 1 ? first : `${first}+${runs.length - 1}`;
}

/** A copy, for use after the synchronous call has returned. */
export function copyWait({ timeoutMs, signal }: Wait): Wait {
  return signal === undefined ? { timeoutMs } : { timeoutMs, signal };
}

/** Answers at once from the current state (R25, R30). */
export const NO_WAIT: Wait = Object.freeze({ timeoutMs: 0 });

const FOREVER: Wait = Object.freeze({ timeoutMs: Infinity });

/**
 * Waits without limit; no timer is set (R32). The signal, if given, ends the wait (R34).
 *
 * @example
 * ```ts
 * import { waitForever } from 'dryrunner';
 * const stop = new AbortController();
 * const wait = waitForever(stop.signal);
 * ```
 */
export function waitForever(signal?: AbortSignal): Wait {
  return signal === undefined ? FOREVER : Object.freeze({ timeoutMs: Infinity, signal });
}

/**
 * Checks that a value is a valid wait: `timeoutMs` is 0 or more, `Infinity` included, and `signal` is an `AbortSignal`
 * if given.
 * See {@link checkQuery}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT`, also for a negative timeout (R33).
 */
export function checkWait(wait: unknown): asserts wait is Wait {
  try {
    if (typeof wait !== 'object' || wait === null) {
      throw invalidArgument('wait', 'an object with timeoutMs', wait);
    }
    const { timeoutMs, signal } = wait as { readonly [field in keyof Wait]: unknown };
    if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0)) {
      throw invalidArgument('wait.timeoutMs', 'a number of milliseconds, 0 or more', timeoutMs);
    }
    if (signal !== undefined && !isAbortSignal(signal)) {
      throw invalidArgument('wait.signal', 'an AbortSignal', signal);
    }
  } catch (error) {
    throw unreadable('wait', wait, error);
  }
}

/** Checks by shape, because signals of other realms and of polyfills are accepted too. */
function isAbortSignal(value: unknown): value is AbortSignal {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return (
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
  );
}
