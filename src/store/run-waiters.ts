/**
 * Wakes those who wait on runs. A write looks at the waiters that it wakes or dooms and at nobody else, however many wait on other
 * runs or for other states; they are woken in the order of registration, across all lists (R54).
 */
import type { Query, Wait } from '../model/query.ts';
import { isTerminal } from '../model/run-state.ts';
import { maskForState, maskMatches } from '../model/state-mask.ts';
import { cannotHappen, unknownRun } from '../model/status-errors.ts';
import type { RunnerError } from '../kernel/errors.ts';
import type { RunStatus } from '../model/run-status.ts';
import type { QueryResult } from '../model/status-reader.ts';
import type { RunRecord } from './run-table.ts';
import { RunWaiter, type ServiceSource } from './run-waiter.ts';
import { linkWaiter, type Awaited, type WaiterList } from './waiter-list.ts';
import type { WaiterRegister } from './waiter-register.ts';

/** Mask of a place that no write matches: who waits on all runs stands there for the runs it lists, to be told of an eviction. */
const EVICTION_ONLY = maskForState();

/** Those who wait on the runs of one store. */
export class RunWaiters {
  /** How many waiters have been looked at so far by writes: the cost of waking, for tests and benchmarks. */
  visited = 0;
  readonly #register: WaiterRegister;
  readonly #everyRun: Awaited<RunWaiter> = { lists: undefined };

  constructor(register: WaiterRegister) {
    this.#register = register;
  }

  /** Registers a wait. `records` are the runs that the query lists, without duplicates. */
  add(query: Query, records: readonly RunRecord[], wait: Wait, source: ServiceSource): Promise<QueryResult> {
    const waiter = new RunWaiter(query, records, source);
    const { allRuns, states } = waiter;
    this.#register.enter(waiter, wait);
    for (const record of records) {
      if (!isTerminal(record.status.state)) waiter.live += 1;
      waiter.links = linkWaiter(waiter, record, allRuns ? EVICTION_ONLY : states, waiter.links);
    }
    if (allRuns) {
      waiter.live = Infinity;
      waiter.links = linkWaiter(waiter, this.#everyRun, states, waiter.links);
    }
    return waiter.promise;
  }

  /** Whether somebody waits for the status that the run has. */
  wantsAny({ lists, status }: RunRecord): boolean {
    return hasMatch(lists, status) || hasMatch(this.#everyRun.lists, status);
  }

  /** Wakes whoever waits for the run's new status, and whoever cannot be met any more because of it (R36, R54). */
  wake(record: RunRecord): void {
    if (record.lists === undefined && this.#everyRun.lists === undefined) return;
    const { status } = record;
    const only = this.#onlyWaiter(record);
    if (only !== undefined) {
      this.#end(only, status);
      return;
    }
    const woken: RunWaiter[] = [];
    for (let list = record.lists; list !== undefined; list = list.next) {
      if (maskMatches(list.mask, status.state)) this.#take(list, woken);
      else if (isTerminal(status.state)) this.#takeDoomed(list, woken);
    }
    for (let list = this.#everyRun.lists; list !== undefined; list = list.next) {
      if (maskMatches(list.mask, status.state)) this.#take(list, woken);
    }
    for (const waiter of inOrder(woken)) this.#end(waiter, status);
  }

  /** The one who waits, if there is but one and the run's status is what it waits for: so it is nearly always. */
  #onlyWaiter({ lists, status }: RunRecord): RunWaiter | undefined {
    if (lists === undefined || lists.next !== undefined || lists.first !== lists.last) return undefined;
    if (this.#everyRun.lists !== undefined || !maskMatches(lists.mask, status.state)) return undefined;
    this.visited += 1;
    return lists.first?.waiter;
  }

  #end(waiter: RunWaiter, status: RunStatus): void {
    if (maskMatches(waiter.states, status.state)) {
      this.#register.leave(waiter);
      waiter.meet(status);
    } else {
      this.#register.fail(waiter, cannotMatch(waiter));
    }
  }

  /** Ends every wait that lists the run, because its id is unknown from now on (R49). */
  wakeEvicted({ lists, status }: RunRecord): void {
    if (lists === undefined) return;
    const woken: RunWaiter[] = [];
    for (let list: WaiterList<RunWaiter> | undefined = lists; list !== undefined; list = list.next) {
      this.#take(list, woken);
    }
    for (const waiter of inOrder(woken)) this.#register.fail(waiter, unknownRun(status.runId));
  }

  #take(list: WaiterList<RunWaiter>, woken: RunWaiter[]): void {
    for (let link = list.first; link !== undefined; link = link.next) {
      this.visited += 1;
      woken.push(link.waiter);
    }
  }

  /** Each place in the list is walked at most once, at the end of its run: the cost belongs to the registration. */
  #takeDoomed(list: WaiterList<RunWaiter>, woken: RunWaiter[]): void {
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

/** Lists of different masks each stand in order of registration, but not one after the other. */
function inOrder(woken: RunWaiter[]): RunWaiter[] {
  return woken.length > 1 ? woken.sort((a, b) => a.sequence - b.sequence) : woken;
}

function hasMatch(first: WaiterList<RunWaiter> | undefined, { state }: RunStatus): boolean {
  for (let list = first; list !== undefined; list = list.next) {
    if (maskMatches(list.mask, state)) return true;
  }
  return false;
}
