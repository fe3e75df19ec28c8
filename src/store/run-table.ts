/**
 * The runs of a store in creation order, with a count per state. Invariant: the counts add up to the number of runs.
 * With them, a query that matches nothing need not walk over the history, and neither does a search for something to
 * evict.
 */
import { SmallMap } from '../kernel/small-map.ts';
import type { RunType } from '../model/run-type.ts';
import type { RunStatus, RunID } from '../model/run-status.ts';
import type { RunWaiter, Awaited, WaiterList } from './run-waiters.ts';
import { isTerminal, RUN_STATES, runStateCode } from '../model/run-state.ts';
import { DONE_MASK, maskMatches, type StateMask } from '../model/state-mask.ts';

/** One run of a store: its latest status and its waiters. */
export class RunRecord implements Awaited<RunWaiter> {
  status: RunStatus;
  readonly runType: RunType;
  lists: WaiterList<RunWaiter> | undefined = undefined;

  constructor(status: RunStatus, runType: RunType) {
    this.status = status;
    this.runType = runType;
  }
}

function isOver({ status }: RunRecord): boolean {
  return isTerminal(status.state);
}

/** The runs of one store. */
export class RunTable {
  readonly #records = new SmallMap<RunRecord>();
  readonly #countByCode: number[] = RUN_STATES.map(() => 0);

  get size(): number {
    return this.#records.size;
  }

  /** Ids in creation order. */
  get ids(): Iterable<RunID> {
    return this.#records.keys();
  }

  get(runId: RunID): RunRecord | undefined {
    return this.#records.get(runId);
  }

  /** Appends the newest run. */
  add(status: RunStatus, runType: RunType = 'scoot'): RunRecord {
    const record = new RunRecord(status, runType);
    this.#records.set(status.runId, record);
    this.#count(status, 1);
    return record;
  }

  /** Replaces the status of a run. */
  replace(record: RunRecord, status: RunStatus): void {
    this.#count(record.status, -1);
    record.status = status;
    this.#count(status, 1);
  }

  /** Removes and returns the oldest terminal run; `undefined` if every run is live (R48). */
  evict(): RunRecord | undefined {
    if (!this.#matchesAny(DONE_MASK)) return undefined;
    const record = this.#records.find(isOver);
    if (record === undefined) return undefined;
    this.#records.delete(record.status.runId);
    this.#count(record.status, -1);
    return record;
  }

  /** The statuses of all runs whose state is in the mask, in creation order (R37). */
  matching(states: StateMask): RunStatus[] {
    const statuses: RunStatus[] = [];
    if (!this.#matchesAny(states)) return statuses;
    for (const { status } of this.#records.values()) {
      if (maskMatches(states, status.state)) statuses.push(status);
    }
    return statuses;
  }

  #matchesAny(states: StateMask): boolean {
    return this.#countByCode.some((count, code) => count > 0 && ((states >> code) & 1) === 1);
  }

  #count({ state }: RunStatus, by: number): void {
    const code = runStateCode(state);
    this.#countByCode[code] = (this.#countByCode[code] ?? 0) + by;
  }
}
