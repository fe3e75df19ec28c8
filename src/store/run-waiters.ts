/**
 * Wakes the waiters on runs. A write visits only waiters that it wakes or dooms, no matter how many wait on other runs
 * or for other states; they are woken in order of registration, across all lists (R54).
 */
import { type StateMask, formatMask, maskForState, maskMatches } from '../model/state-mask.ts';
import type { Query, Wait } from '../model/query.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import type { ServiceStatus } from '../model/service-status.ts';
import type { QueryResult } from '../model/status-reader.ts';
import { Waiter, type WaiterRegister } from './waiter-lifecycle.ts';
import { isTerminal } from '../model/run-state.ts';
import { cannotHappen, unknownRun } from '../model/status-errors.ts';
import type { RunnerError } from '../kernel/errors.ts';

/** Something to wait on: one run, or all runs. */
export interface Awaited<W> {
  lists: WaiterList<W> | undefined;
}

/**
 * The waiters on one {@link Awaited} with one mask, as a linked list, so that a write visits only waiters whose mask
 * matches. There are at most 128 masks, whatever the number of waiters. Invariant: a list exists only while it is not
 * empty, and its links are in order of registration.
 */
export class WaiterList<W> {
  readonly mask: StateMask;
  /** The list of another mask on the same {@link Awaited}. */
  next: WaiterList<W> | undefined;
  first: WaiterLink<W> | undefined = undefined;
  last: WaiterLink<W> | undefined = undefined;

  constructor(mask: StateMask, next: WaiterList<W> | undefined) {
    this.mask = mask;
    this.next = next;
  }
}

/** A waiter's entry in one list. */
export class WaiterLink<W> {
  readonly waiter: W;
  readonly on: Awaited<W>;
  readonly list: WaiterList<W>;
  /** The same waiter's entry in the list of another run. */
  readonly sibling: WaiterLink<W> | undefined;
  previous: WaiterLink<W> | undefined;
  next: WaiterLink<W> | undefined = undefined;

  constructor(waiter: W, on: Awaited<W>, list: WaiterList<W>, sibling: WaiterLink<W> | undefined) {
    this.waiter = waiter;
    this.on = on;
    this.list = list;
    this.sibling = sibling;
    this.previous = list.last;
  }
}

/** Appends a waiter to the list of its mask. `sibling` is its previous entry, on another run. */
export function linkWaiter<W>(
  waiter: W,
  on: Awaited<W>,
  mask: StateMask,
  sibling: WaiterLink<W> | undefined,
): WaiterLink<W> {
  const list = listOf(on, mask);
  const link = new WaiterLink(waiter, on, list, sibling);
  if (list.last === undefined) list.first = link;
  else list.last.next = link;
  list.last = link;
  return link;
}

/** Removes one entry from its list, and the list if it becomes empty. */
export function unlinkWaiter<W>({ on, list, previous, next }: WaiterLink<W>): void {
  if (previous === undefined) list.first = next;
  else previous.next = next;
  if (next === undefined) list.last = previous;
  else next.previous = previous;
  if (list.first === undefined) dropList(on, list);
}

function listOf<W>(on: Awaited<W>, mask: StateMask): WaiterList<W> {
  for (let list = on.lists; list !== undefined; list = list.next) {
    if (list.mask === mask) return list;
  }
  on.lists = new WaiterList(mask, on.lists);
  return on.lists;
}

function dropList<W>(on: Awaited<W>, empty: WaiterList<W>): void {
  if (on.lists === empty) {
    on.lists = empty.next;
    return;
  }
  for (let list = on.lists; list !== undefined; list = list.next) {
    if (list.next === empty) list.next = empty.next;
  }
}

/** Where a waiter reads the service status that is part of its result (R38). */
export interface ServiceSource {
  readonly serviceStatus: ServiceStatus;
}

/** A run from the perspective of its waiters. */
interface AwaitedRun extends Awaited<RunWaiter> {
  readonly status: RunStatus;
}

/**
 * Names of awaited states by mask; cached because each is part of two trace events per wait, and there are at most 128.
 */
const GOALS: (string | undefined)[] = [];

const taken = { resolve: (_: QueryResult): void => {}, reject: (_: Error): void => {} };

/** A single executor for all waits; it runs before `new Promise` returns. */
function takeSettlers(resolve: (result: QueryResult) => void, reject: (error: Error) => void): void {
  taken.resolve = resolve;
  taken.reject = reject;
}

/**
 * A mask that no write matches: a waiter on all runs uses it to register on the runs that it lists, so that their
 * eviction ends the wait.
 */
const EVICTION_ONLY = maskForState();

/** Waits until a status matches its query (R31). */
export class RunWaiter extends Waiter {
  readonly states: StateMask;
  readonly allRuns: boolean;
  /** The runs listed by the query, without duplicates. */
  readonly runs: readonly AwaitedRun[];
  readonly promise: Promise<QueryResult>;
  /**
   * How many of the listed runs may still come to match; at 0 the wait cannot succeed (R36). `Infinity` if new runs may
   * match.
   */
  live = 0;
  /** Its entries in the lists of what it waits on, chained by `sibling`. */
  links: WaiterLink<RunWaiter> | undefined = undefined;
  readonly #everyRun: Awaited<RunWaiter>;
  readonly #source: ServiceSource;
  readonly #resolve: (result: QueryResult) => void;
  readonly #reject: (error: Error) => void;

  /** Keeps no reference to the query, which the caller may change. */
  constructor(
    { states, allRuns = false }: Query,
    runs: readonly AwaitedRun[],
    everyRun: Awaited<RunWaiter>,
    source: ServiceSource,
  ) {
    super();
    this.states = states;
    this.allRuns = allRuns;
    this.runs = runs;
    this.#everyRun = everyRun;
    this.#source = source;
    this.promise = new Promise(takeSettlers);
    this.#resolve = taken.resolve;
    this.#reject = taken.reject;
  }

  get target(): string {
    if (this.allRuns) return 'all runs';
    if (this.runs.length === 0) return 'no run';
    const first = this.runs[0]?.status.runId;
    return this.runs.length === 1 ? `run ${first}` : `${this.runs.length} runs from ${first}`;
  }

  get goal(): string {
    const goal = (GOALS[this.states] ??= `for ${formatMask(this.states)}`);
    return this.runId === '' ? `${this.label} ${goal}` : goal;
  }

  get runId(): string {
    const { runs } = this;
    return this.allRuns || runs.length !== 1 ? '' : (runs[0] as AwaitedRun).status.runId;
  }

  /** Resolves with the one status that matched, as it was written (R31). */
  meet(status: RunStatus): void {
    this.#resolve({ statuses: [status], service: this.#source.serviceStatus });
  }

  override expire(): void {
    this.#resolve({ statuses: [], service: this.#source.serviceStatus });
  }

  override fail(error: Error): void {
    this.#reject(error);
  }

  override link(): void {
    const { runs, allRuns, states } = this;
    for (const run of runs) {
      if (!isTerminal(run.status.state)) this.live += 1;
      this.links = linkWaiter(this, run, allRuns ? EVICTION_ONLY : states, this.links);
    }
    if (!allRuns) return;
    this.live = Infinity;
    this.links = linkWaiter(this, this.#everyRun, states, this.links);
  }

  override unlink(): void {
    for (let { links } = this; links !== undefined; links = links.sibling) unlinkWaiter(links);
    this.links = undefined;
  }
}

/** No waiter. */
export const NOBODY: readonly RunWaiter[] = [];

/**
 * The waiters on the runs of one store. Those that a write ends are all removed before the first of them is ended: a
 * listener of the trace may write to the store in between, which must not end them again.
 */
export class RunWaiters {
  /** Number of waiters visited by writes so far: the cost of waking, for tests and benchmarks. */
  visited = 0;
  readonly #register: WaiterRegister;
  readonly #everyRun: Awaited<RunWaiter> = { lists: undefined };

  constructor(register: WaiterRegister) {
    this.#register = register;
  }

  /** Registers a wait. `records` are the runs listed by the query, without duplicates. */
  add(query: Query, records: readonly AwaitedRun[], wait: Wait, source: ServiceSource): Promise<QueryResult> {
    const waiter = new RunWaiter(query, records, this.#everyRun, source);
    this.#register.enter(waiter, wait);
    return waiter.promise;
  }

  /**
   * Removes the waiters that the run's new status ends, in order of registration: those that wait for it, and those that
   * can no longer be met because of it (R36, R54). The caller then traces the write, and ends them with `end`.
   */
  take(record: AwaitedRun): readonly RunWaiter[] {
    if (record.lists === undefined && this.#everyRun.lists === undefined) return NOBODY;
    const { state } = record.status;
    const only = this.#onlyWaiter(record);
    if (only !== undefined) {
      this.#register.remove(only);
      return [only];
    }
    const woken: RunWaiter[] = [];
    for (let list = record.lists; list !== undefined; list = list.next) {
      if (maskMatches(list.mask, state)) this.#collect(list, woken);
      else if (isTerminal(state)) this.#collectDoomed(list, woken);
    }
    for (let list = this.#everyRun.lists; list !== undefined; list = list.next) {
      if (maskMatches(list.mask, state)) this.#collect(list, woken);
    }
    return this.#removeAll(woken);
  }

  /** Ends waiters that were removed because of `status`, as it was written. */
  end(woken: readonly RunWaiter[], status: RunStatus): void {
    for (const waiter of woken) {
      this.#register.traceLeft(waiter);
      if (maskMatches(waiter.states, status.state)) waiter.meet(status);
      else waiter.fail(cannotMatch(waiter));
    }
  }

  /** Removes every waiter that lists a run which was evicted; the caller then ends them with `endEvicted`. */
  takeEvicted({ lists }: AwaitedRun): readonly RunWaiter[] {
    if (lists === undefined) return NOBODY;
    const woken: RunWaiter[] = [];
    for (let list: WaiterList<RunWaiter> | undefined = lists; list !== undefined; list = list.next) {
      this.#collect(list, woken);
    }
    return this.#removeAll(woken);
  }

  /** Ends waiters that were removed because a run was evicted: its id is unknown from now on (R49). */
  endEvicted(woken: readonly RunWaiter[], runId: RunID): void {
    for (const waiter of woken) {
      this.#register.traceLeft(waiter);
      waiter.fail(unknownRun(runId));
    }
  }

  /** Merges the waiters by order of registration: each list is in that order, but not the lists together. */
  #removeAll(woken: RunWaiter[]): readonly RunWaiter[] {
    if (woken.length > 1) woken.sort((a, b) => a.sequence - b.sequence);
    for (const waiter of woken) this.#register.remove(waiter);
    return woken;
  }

  /** The only waiter on a run if there is exactly one and the new status meets it, which is nearly always the case. */
  #onlyWaiter({ lists, status }: AwaitedRun): RunWaiter | undefined {
    if (lists === undefined || lists.next !== undefined || lists.first !== lists.last) return undefined;
    if (this.#everyRun.lists !== undefined || !maskMatches(lists.mask, status.state)) return undefined;
    this.visited += 1;
    return lists.first?.waiter;
  }

  #collect(list: WaiterList<RunWaiter>, woken: RunWaiter[]): void {
    for (let link = list.first; link !== undefined; link = link.next) {
      this.visited += 1;
      woken.push(link.waiter);
    }
  }

  /** Walks each entry in the list at most once, when its run ends: the cost is bounded by that of registration. */
  #collectDoomed(list: WaiterList<RunWaiter>, woken: RunWaiter[]): void {
    for (let link = list.first; link !== undefined; link = link.next) {
      this.visited += 1;
      const { waiter } = link;
      waiter.live -= 1;
      if (waiter.live === 0) woken.push(waiter);
    }
  }
}

/** The error of a wait on runs that are all terminal in other states (R36). */
export function cannotMatch({ runs, states }: Pick<RunWaiter, 'runs' | 'states'>): RunnerError {
  return cannotHappen({ runs: runs.map(({ status }) => status.runId), states });
}
