/**
 * The status store: the single place where the statuses of a runner and of its runs are kept. Every runner uses it, so
 * that all of them agree on what a write, a query or a wait means. Invariants: writes take effect before they return; a
 * terminal status never changes (R4); reads return frozen values (R39). What is rarely needed is allocated lazily,
 * because a process may have 100,000 stores.
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
import { cannotMatch, NOBODY, RunWaiters } from './run-waiters.ts';
import { type ServicePredicate, judgeService, ServiceWaiters } from './service-waiters.ts';
import { copyOfDropped, mergeStatus } from './status-merge.ts';
import { WaiterRegister, type WaiterContext } from './waiter-lifecycle.ts';
import { check } from '../kernel/argument-check.ts';
import { TRACER } from '../model/argument-shapes.ts';
import { REST_OF_WORLD } from '../model/world.ts';

/** Options of a store; a `World` provides the clock and the tracer. */
export interface StatusStoreOptions {
  readonly clock: Clock;
  /** Names the store in traces and in labels of waits. Default: `store`. */
  readonly name?: string;
  /**
   * Prefix of run ids, so that ids of two incarnations of a runner differ (R45). Let it end in something other than a
   * digit: run 10 of `n1` and run 0 of `n11` have the same id. Default: empty.
   */
  readonly idPrefix?: string;
  /** Number of runs to keep (R47); 0, the default, keeps all. */
  readonly capacity?: number;
  readonly tracer?: Tracer | undefined;
}

/**
 * Writes a status of an undisturbed run, RUNNING or terminal, and traces the row of events that ends with it. The
 * status must be frozen and complete, with tags and refs, because nothing is merged from the previous status.
 */
export let writeInRow: (store: StatusStore, status: RunStatus, checkout: string) => void;

/** The id that the next run will get. */
export let nextRunId: (store: StatusStore) => RunID;

/** As `close`, with an error that is made once somebody gets it: most stores are closed when nobody waits any more. */
export let closeLazily: (store: StatusStore, makeError: () => Error) => void;

const STORE_OPTIONS = is.optionsOf<StatusStoreOptions>(
  { clock: is.CLOCK },
  { ...REST_OF_WORLD, name: is.TEXT, idPrefix: is.TEXT, capacity: is.COUNT, tracer: TRACER },
);

const TAGS = is.objectOf<LogTags>(
  'an object with jobId, taskId and tag',
  { jobId: is.TEXT, taskId: is.TEXT, tag: is.TEXT },
  {},
);

/** A status store. Made by {@link createStatusStore}. */
export class StatusStore implements StatusReader, StatusWriter {
  static {
    writeInRow = (store, status, checkout) => store.#writeInRow(status, checkout);
    nextRunId = (store) => store.#nextRunId;
    closeLazily = (store, makeError) => store.#close(makeError);
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
  /** What the store was closed with, or what makes it. */
  #closedWith: Error | (() => Error) | undefined = undefined;

  constructor({ clock, name = 'store', idPrefix = '', capacity = 0, tracer }: StatusStoreOptions) {
    this.clock = clock;
    this.name = name;
    this.tracer = tracer === undefined ? undefined : runTracer(tracer);
    this.#idPrefix = idPrefix;
    this.#capacity = capacity;
  }

  /** The current service status (R15). */
  get serviceStatus(): ServiceStatus {
    return this.#service;
  }

  /** Ids of the runs that are kept, in creation order. */
  get runIds(): Iterable<RunID> {
    return this.#table?.ids ?? [];
  }

  /** Number of waits that have not ended yet (R55). */
  get waiterCount(): number {
    return this.#waiters?.register.size ?? 0;
  }

  /**
   * Number of waiters visited by writes so far; a write visits only those that it wakes or dooms, however many others
   * there are.
   */
  get waitersVisited(): number {
    return this.#waiters?.runs.visited ?? 0;
  }

  /**
   * The current status of one run, read synchronously.
   *
   * @throws RunnerError `RUNNER_UNKNOWN_RUN` (R26, R49).
   */
  currentStatus(runId: RunID): RunStatus {
    return this.#record(runId).status;
  }

  /**
   * @throws RunnerError `RUNNER_RELEASED`, or the error given to `close`: a closed store accepts no new run.
   * `RUNNER_INVALID_ARGUMENT` for tags that are none.
   */
  newRun(tags: LogTags = NO_TAGS, runType: RunType = 'scoot'): RunStatus {
    this.#refuseIfClosed();
    if (tags !== NO_TAGS) check('tags', tags, TAGS);
    const table = (this.#table ??= new RunTable());
    const record = table.add(pendingStatus(this.#nextRunId, tags), runType);
    const { status } = record;
    this.#created += 1;
    this.#written(record);
    if (this.#capacity !== 0) this.#evict(table);
    return status;
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
    const woken = this.#waiters?.runs.take(record) ?? NOBODY;
    if (isTerminal(status.state)) tracer?.ended(at, name, runId, checkout, status);
    else if (woken.length === 0) tracer?.started(at, name, runId, checkout, status);
    else {
      // Waits that end now are traced before the last event of the row.
      const of = { at, runner: name, runId, checkout, status };
      if (tracer !== undefined) eachOfRow(tracer, STARTED_ROW, of, STARTED_ROW.length - 1);
      this.#waiters?.runs.end(woken, status);
      tracer?.phase(at, name, runId, 'wait');
      return;
    }
    this.#waiters?.runs.end(woken, status);
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
   * Resolves with the first service status that satisfies the predicate, possibly the current one; with `undefined` at
   * the deadline (R56).
   *
   * Rejects with `RUNNER_WAIT_CANCELLED`, `RUNNER_RELEASED`, `RUNNER_INVALID_ARGUMENT` (also for a predicate that
   * returns neither true nor false), or what the predicate throws.
   */
  awaitService(predicate: ServicePredicate, wait: Wait): Promise<ServiceStatus | undefined> {
    try {
      return this.#answerService(predicate, wait);
    } catch (error) {
      return rejection(error);
    }
  }

  /**
   * Ends all waits with `error`, by default `RUNNER_RELEASED`, and rejects new waits and runs with it. Reads that need
   * not wait and writes to existing runs still work (R84). Only the first call counts.
   */
  close(error: Error = new RunnerError('RUNNER_RELEASED', `${this.name} was released`)): void {
    // Waits and later requests for runs get this error.
    check('error', error, is.ERROR);
    this.#close(error);
  }

  #close(error: Error | (() => Error)): void {
    if (this.#closedWith !== undefined) return;
    this.#closedWith = error;
    if (this.waiterCount > 0) this.#waiters?.register.failAll(this.#closingError(error));
  }

  #refuseIfClosed(): void {
    if (this.#closedWith !== undefined) throw this.#closingError(this.#closedWith);
  }

  #closingError(error: Error | (() => Error)): Error {
    return (this.#closedWith = typeof error === 'function' ? error() : error);
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
    this.#refuseIfClosed();
    return (this.#waiters ??= new Waiters(this));
  }

  get #nextRunId(): RunID {
    return `${this.#idPrefix}${this.#created}`;
  }

  #record(runId: RunID): RunRecord {
    const record = this.#table?.get(runId);
    if (record === undefined) throw unknownRun(runId);
    return record;
  }

  /**
   * Traces before waking, because woken waiters may look at the trace. Whom the write wakes is decided before, because a
   * listener of the trace may write to the run at once.
   */
  #written(record: RunRecord): void {
    const { status } = record;
    const woken = this.#waiters?.runs.take(record) ?? NOBODY;
    this.tracer?.status(this.clock.now(), this.name, status);
    this.#waiters?.runs.end(woken, status);
  }

  #traceDropped(update: RunStatus): void {
    if (this.tracer === undefined) return;
    const status = copyOfDropped(update);
    this.tracer.record({ at: this.clock.now(), type: 'dropped', runner: this.name, status });
  }

  #evict(table: RunTable): void {
    while (table.size > this.#capacity) {
      const record = table.evict();
      if (record === undefined) return;
      const { runId } = record.status;
      const woken = this.#waiters?.runs.takeEvicted(record) ?? NOBODY;
      this.tracer?.evicted(this.clock.now(), this.name, runId);
      this.#waiters?.runs.endEvicted(woken, runId);
    }
  }
}

/** Everything thrown here is an error: a rejection of ours, or a broken invariant. */
function rejection(error: unknown): Promise<never> {
  invariant(error instanceof Error, () => `expected an error, got ${describeValue(error)}`);
  return Promise.reject(error);
}

function illegalMove(old: RunStatus, update: RunStatus): RunnerError {
  const message = `run ${old.runId} cannot go from ${old.state} to ${update.state}`;
  return new RunnerError('RUNNER_ILLEGAL_MOVE', message, { actual: update.state });
}

/**
 * Creates an empty store: no runs, not initialized, not healthy (R15).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a capacity that is negative or not an integer.
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

/** All waiters of one store; allocated for the first one. */
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
