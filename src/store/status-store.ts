/**
 * The status store: the one place where the statuses of a runner's runs and of the runner itself are kept. Every runner uses it, so
 * that they cannot differ in what a write, a query or a wait means. Invariants: writes take effect before they return; a terminal
 * status never changes (R4); what is read is a frozen value (R39). What is rarely needed is made on first use, because there may be
 * 100,000 stores in a process.
 */
import * as is from '../kernel/shape.ts';
import type { Clock } from '../kernel/clock.ts';
import { describeValue, invalidArgument, RunnerError } from '../kernel/errors.ts';
import { invariant } from '../kernel/invariant.ts';
import { NO_TAGS, type LogTags } from '../model/command.ts';
import { checkQuery, type Query, type Wait, checkWait, NO_WAIT } from '../model/query.ts';
import { checkRunStatus, pendingStatus, type RunID, type RunStatus } from '../model/run-status.ts';
import { canMove, isTerminal } from '../model/run-state.ts';
import type { RunType } from '../model/run-type.ts';
import {
  checkServiceStatus,
  NEW_SERVICE_STATUS,
  serviceStatus,
  type ServiceStatus,
} from '../model/service-status.ts';
import { ALL_MASK } from '../model/state-mask.ts';
import { unknownRun } from '../model/status-errors.ts';
import type { QueryResult, StatusReader, StatusResult } from '../model/status-reader.ts';
import type { StatusWriter, WriteOutcome } from '../model/status-writer.ts';
import { eachOfRow, runTracer, type RunTracer } from '../model/run-tracer.ts';
import { STARTED_ROW } from '../model/undisturbed-run.ts';
import type { Tracer } from '../model/trace-event.ts';
import { allTerminal, listedRecords, selectStatuses } from './query-selection.ts';
import { type RunRecord, RunTable } from './run-table.ts';
import { cannotMatch, RunWaiters } from './run-waiters.ts';
import { type ServicePredicate, judgeService, ServiceWaiters } from './service-waiters.ts';
import { copyStatus, mergeStatus } from './status-merge.ts';
import { WaiterRegister, type WaiterContext } from './waiter-lifecycle.ts';
import { check } from '../kernel/argument-check.ts';
import { TRACER } from '../model/argument-shapes.ts';
import { REST_OF_WORLD } from '../model/world.ts';

/** What a store is made of; a `World` gives the first and the last. */
export interface StatusStoreOptions {
  readonly clock: Clock;
  /** Names the store in traces and in labels of waits. Default: `store`. */
  readonly name?: string;
  /** Put before each run number, so that ids of two incarnations of a runner differ (R45). Default: empty. */
  readonly idPrefix?: string;
  /** How many runs are kept (R47); 0, the default, keeps all. */
  readonly capacity?: number;
  readonly tracer?: Tracer | undefined;
}

/**
 * Writes a status of an undisturbed run, RUNNING or terminal, and traces the row that ends with it. The status must be frozen and hold
 * all that the run has, tags and refs, so that nothing of the status before it is to be kept.
 */
export let writeInRow: (store: StatusStore, status: RunStatus, checkout: string) => void;

const STORE_OPTIONS = is.optionsOf<StatusStoreOptions>(
  { clock: is.CLOCK },
  { ...REST_OF_WORLD, name: is.TEXT, idPrefix: is.TEXT, capacity: is.COUNT, tracer: TRACER },
);

/** A status store. Made by {@link createStatusStore}. */
export class StatusStore implements StatusReader, StatusWriter {
  static {
    writeInRow = (store, status, checkout) => store.#writeInRow(status, checkout);
  }

  readonly clock: Clock;
  readonly name: string;
  readonly tracer: RunTracer | undefined;
  readonly #idPrefix: string;
  readonly #capacity: number;
  #created = 0;
  #service: ServiceStatus = NEW_SERVICE_STATUS;
  #table: RunTable | undefined = undefined;
  #waiters: Waiters | undefined = undefined;
  #closedWith: Error | undefined = undefined;

  constructor({ clock, name = 'store', idPrefix = '', capacity = 0, tracer }: StatusStoreOptions) {
    this.clock = clock;
    this.name = name;
    this.tracer = tracer === undefined ? undefined : runTracer(tracer);
    this.#idPrefix = idPrefix;
    this.#capacity = capacity;
  }

  /** The service status now (R15). */
  get serviceStatus(): ServiceStatus {
    return this.#service;
  }

  /** The ids of the runs that are kept, in creation order. */
  get runIds(): Iterable<RunID> {
    return this.#table?.ids ?? [];
  }

  /** How many waits have not ended yet (R55). */
  get waiterCount(): number {
    return this.#waiters?.register.size ?? 0;
  }

  /** How many waiters writes have looked at so far; grows by those that a write wakes or dooms, whatever the number of others. */
  get waitersVisited(): number {
    return this.#waiters?.runs.visited ?? 0;
  }

  /**
   * The current status of one run, synchronously.
   *
   * @throws RunnerError `RUNNER_UNKNOWN_RUN` (R26, R49).
   */
  currentStatus(runId: RunID): RunStatus {
    return this.#record(runId).status;
  }

  /** @throws RunnerError `RUNNER_RELEASED`, or what the store was closed with: a closed store takes no new run. */
  newRun(tags: LogTags = NO_TAGS, runType: RunType = 'scoot'): RunStatus {
    if (this.#closedWith !== undefined) throw this.#closedWith;
    const table = (this.#table ??= new RunTable());
    const record = table.add(pendingStatus(`${this.#idPrefix}${this.#created}`, tags), runType);
    this.#created += 1;
    this.#written(record);
    if (this.#capacity !== 0) this.#evict(table);
    return record.status;
  }

  update(update: RunStatus): WriteOutcome {
    checkRunStatus(update);
    const record = this.#record(update.runId);
    const old = record.status;
    if (isTerminal(old.state)) {
      this.#traceDropped(update);
      return 'dropped';
    }
    if (!canMove(old.state, update.state)) throw illegalMove(old, update);
    if (update.actionResult !== undefined && record.runType !== 'bazel') {
      throw invalidArgument(
        'status.actionResult',
        'none for a run that is not a Bazel run',
        update.actionResult,
      );
    }
    this.#table?.replace(record, mergeStatus(old, update));
    this.#written(record);
    return 'accepted';
  }

  #writeInRow(status: RunStatus, checkout: string): void {
    const { runId } = status;
    const record = this.#record(runId);
    const old = record.status;
    if (!canMove(old.state, status.state)) throw illegalMove(old, status);
    this.#table?.replace(record, status);
    const { name, tracer } = this;
    const at = this.clock.now();
    if (isTerminal(status.state)) tracer?.ended(at, name, runId, checkout, status);
    else if (this.#waiters?.runs.wantsAny(record) !== true) {
      tracer?.started(at, name, runId, checkout, status);
    } else {
      // Waits that end now leave their mark before the last event of the row.
      const of = { at, runner: name, runId, checkout, status };
      if (tracer !== undefined) eachOfRow(tracer, STARTED_ROW, of, STARTED_ROW.length - 1);
      this.#waiters.runs.wake(record);
      tracer?.phase(at, name, runId, 'wait');
      return;
    }
    this.#waiters?.runs.wake(record);
  }

  updateService(update: ServiceStatus): void {
    checkServiceStatus(update);
    const service = serviceStatus(update.initialized, update.isHealthy, update.error);
    this.#service = service;
    this.tracer?.record({ at: this.clock.now(), type: 'service', runner: this.name, service });
    this.#waiters?.service.wake(service);
  }

  queryNow(query: Query): Promise<QueryResult> {
    return this.query(query, NO_WAIT);
  }

  query(query: Query, wait: Wait): Promise<QueryResult> {
    try {
      return this.#answer(query, wait);
    } catch (error) {
      return rejection(error);
    }
  }

  status(runId: RunID): Promise<StatusResult> {
    try {
      return Promise.resolve({ status: this.currentStatus(runId), service: this.#service });
    } catch (error) {
      return rejection(error);
    }
  }

  statusAll(): Promise<QueryResult> {
    return Promise.resolve({ statuses: this.#table?.matching(ALL_MASK) ?? [], service: this.#service });
  }

  /**
   * Resolves with the first service status, the current one included, that fulfils the predicate; with `undefined` at the deadline
   * (R56).
   *
   * Rejects with `RUNNER_WAIT_CANCELLED`, `RUNNER_RELEASED`, `RUNNER_INVALID_ARGUMENT`, or what the predicate throws.
   */
  awaitService(predicate: ServicePredicate, wait: Wait): Promise<ServiceStatus | undefined> {
    try {
      return this.#answerService(predicate, wait);
    } catch (error) {
      return rejection(error);
    }
  }

  /**
   * Ends all waits with `error`, by default `RUNNER_RELEASED`, and refuses new waits and runs with it. Reads that need no waiting and
   * writes to runs that exist still work (R84). Only the first call counts.
   */
  close(error: Error = new RunnerError('RUNNER_RELEASED', `${this.name} was released`)): void {
    // Waits, and later requests for runs, get this error.
    check('error', error, is.ERROR);
    if (this.#closedWith !== undefined) return;
    this.#closedWith = error;
    this.#waiters?.register.failAll(error);
  }

  #answer(query: Query, wait: Wait): Promise<QueryResult> {
    checkQuery(query);
    checkWait(wait);
    const records = listedRecords(query, this.#table);
    const statuses = selectStatuses(query, records, this.#table);
    const isOpen = query.allRuns === true || records.length > 0;
    if (statuses.length > 0 || wait.timeoutMs === 0 || !isOpen) {
      return Promise.resolve({ statuses, service: this.#service });
    }
    if (query.allRuns !== true && allTerminal(records)) {
      throw cannotMatch({ runs: records, states: query.states });
    }
    return this.#openWaiters().runs.add(query, records, wait, this);
  }

  #answerService(predicate: ServicePredicate, wait: Wait): Promise<ServiceStatus | undefined> {
    checkWait(wait);
    check('predicate', predicate, is.FUNCTION);
    const service = this.#service;
    const verdict = judgeService(predicate, service);
    if (verdict instanceof Error) throw verdict;
    if (verdict || wait.timeoutMs === 0) return Promise.resolve(verdict ? service : undefined);
    return this.#openWaiters().service.add(predicate, wait);
  }

  #openWaiters(): Waiters {
    if (this.#closedWith !== undefined) throw this.#closedWith;
    return (this.#waiters ??= new Waiters(this));
  }

  #record(runId: RunID): RunRecord {
    const record = this.#table?.get(runId);
    if (record === undefined) throw unknownRun(runId);
    return record;
  }

  /** The trace comes first: those woken may look at it. */
  #written(record: RunRecord): void {
    const { status } = record;
    this.tracer?.status(this.clock.now(), this.name, status);
    this.#waiters?.runs.wake(record);
  }

  #traceDropped(update: RunStatus): void {
    if (this.tracer === undefined) return;
    const status = copyStatus(update);
    this.tracer.record({ at: this.clock.now(), type: 'dropped', runner: this.name, status });
  }

  #evict(table: RunTable): void {
    while (table.size > this.#capacity) {
      const record = table.evict();
      if (record === undefined) return;
      const { runId } = record.status;
      this.tracer?.evicted(this.clock.now(), this.name, runId);
      this.#waiters?.runs.wakeEvicted(record);
    }
  }
}

/** What is thrown in here is an error: a refusal of ours, or a broken invariant. */
function rejection(error: unknown): Promise<never> {
  invariant(error instanceof Error, () => `expected an error, got ${describeValue(error)}`);
  return Promise.reject(error);
}

function illegalMove(old: RunStatus, update: RunStatus): RunnerError {
  const message = `run ${old.runId} cannot go from ${old.state} to ${update.state}`;
  return new RunnerError('RUNNER_ILLEGAL_MOVE', message, { actual: update.state });
}

/**
 * Makes an empty store: no runs, not initialized, not healthy (R15).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a capacity that is negative or no integer.
 * @example
 * ```ts
 * import { createStatusStore, runningStatus } from 'dryrunner/kit';
 * import { type Clock } from 'dryrunner';
 * function startOne(clock: Clock): string {
 *   const store = createStatusStore({ clock, idPrefix: 'node7-' });
 *   const { runId } = store.newRun();
 *   store.update(runningStatus(runId, '', ''));
 *   return store.currentStatus(runId).state; // RUNNING
 * }
 * ```
 */
export function createStatusStore(options: StatusStoreOptions): StatusStore {
  check('options', options, STORE_OPTIONS);
  return new StatusStore(options);
}

/** All who wait on one store, together; made when the first one comes. */
class Waiters {
  readonly register: WaiterRegister;
  readonly runs: RunWaiters;
  readonly service: ServiceWaiters;

  constructor(around: WaiterContext) {
    this.register = new WaiterRegister(around);
    this.runs = new RunWaiters(this.register);
    this.service = new ServiceWaiters(this.register);
  }
}
