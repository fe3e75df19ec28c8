/**
 * The queue in front of one performer: admission, order, aborts, health, updates and release (R58–R86). Invariants: at
 * most one run is active and never during an update; runs start in order of acceptance; before a terminal status is
 * visible, the slot is free and the health is updated (R69, R82).
 */
import { EXIT_CODES, type ExitCode, ExitCodeError } from '../../model/exit-code.ts';
import { type RunStatus, abortStatus, failedStatus, type RunID } from '../../model/run-status.ts';
import { isPending, whenSettled } from '../../model/maybe-promise.ts';
import { type RunTypeMap, runTypeOf } from '../../model/run-type.ts';
import type { World } from '../../model/world.ts';
import type { Timer } from '../../kernel/clock.ts';
import { isRunnerError, messageOf, RunnerError } from '../../kernel/errors.ts';
import { invariant } from '../../kernel/invariant.ts';
import { namedTopic, topicOf, type Topic } from '../../kernel/question.ts';
import { copyCommand, tagsOf, type Command } from '../../model/command.ts';
import { WORKER_UNHEALTHY_MSG } from '../../model/messages.ts';
import type { Query, Wait } from '../../model/query.ts';
import { isTerminal } from '../../model/run-state.ts';
import type { Service } from '../../model/service.ts';
import { HEALTHY_SERVICE_STATUS, type ServiceStatus } from '../../model/service-status.ts';
import { finalStatus } from '../../model/status-lookup.ts';
import type { QueryResult, StatusResult } from '../../model/status-reader.ts';
import { closeLazily, nextRunId, StatusStore, writeInRow } from '../../store/status-store.ts';
import { admit, checkOffer } from './admission.ts';
import type { Performance, StatusListener } from './performer.ts';
import type { QueueParts } from './queue-options.ts';
import { UpdateCycle } from './update-cycle.ts';

/**
 * Decides when a runner stops trusting its machine (R81). Only FAILED runs count; an ABORTED run neither counts nor
 * interrupts a sequence.
 */
class RunnerHealth {
  #lastCode: ExitCode = 0;

  /** Takes a terminal status; returns why the runner becomes unhealthy, or undefined. */
  note({ state, exitCode, error }: RunStatus): string | undefined {
    if (state === 'ABORTED') return undefined;
    const previous = this.#lastCode;
    this.#lastCode = state === 'FAILED' ? exitCode : 0;
    if (state !== 'FAILED') return undefined;
    if (exitCode === EXIT_CODES.HIGH_INITIAL_MEMORY) return `exit code ${exitCode}: ${error}`;
    const isCheckout = exitCode === EXIT_CODES.CLEAN || exitCode === EXIT_CODES.CHECKOUT;
    return isCheckout && previous === exitCode ? `exit code ${exitCode} twice in a row: ${error}` : undefined;
  }
}

/**
 * Waits for the init signals of all filers (R60–R62). Invariant: the outcome is reported once, after the last signal.
 *
 * Calls `done` with the earliest failure, or with undefined if every filer is ready; at once if there is nothing to
 * wait for.
 */
function awaitFilers(world: World, name: string, filers: RunTypeMap, done: (failure: unknown) => void): void {
  const signals: { readonly type: string; readonly init: PromiseLike<unknown> }[] = [];
  for (const [type, { init }] of filers) if (isPending(init)) signals.push({ type, init });
  let left = signals.length;
  let failure: { readonly error: unknown } | undefined;
  if (left === 0) done(undefined);
  const settle = (error?: { readonly error: unknown }): void => {
    failure ??= error;
    left -= 1;
    if (left === 0) {
      done(failure === undefined ? undefined : (failure.error ?? new Error('initialization failed')));
    }
  };
  for (const { type, init } of signals) {
    const topic = topicOf({ owner: name, what: `init ${type}` });
    whenSettled(
      init,
      () => world.clock.post(topic, () => settle()),
      (error) => world.clock.post(topic, () => settle({ error })),
    );
  }
}

/** An accepted run whose turn has not come yet. */
class QueuedRun {
  readonly runId: RunID;
  readonly command: Command;
  next: QueuedRun | undefined = undefined;

  constructor(runId: RunID, command: Command) {
    this.runId = runId;
    this.command = command;
  }
}

/**
 * Runs in order of acceptance. A linked list, because most queues hold one run at a time, and creating and emptying a
 * map for that is slow.
 */
class RunQueue {
  size = 0;
  #first: QueuedRun | undefined = undefined;
  #last: QueuedRun | undefined = undefined;

  add(runId: RunID, command: Command): void {
    const run = new QueuedRun(runId, command);
    if (this.#last === undefined) this.#first = run;
    else this.#last.next = run;
    this.#last = run;
    this.size += 1;
  }

  /** Removes and returns the run with that id, or the first one if no id is given; undefined if there is none. */
  take(runId?: RunID): QueuedRun | undefined {
    let before: QueuedRun | undefined;
    let run = this.#first;
    while (run !== undefined && runId !== undefined && run.runId !== runId) {
      before = run;
      run = run.next;
    }
    if (run === undefined) return undefined;
    if (before === undefined) this.#first = run.next;
    else before.next = run.next;
    if (this.#last === run) this.#last = before;
    // A chain of removed runs would keep all later ones from being collected.
    run.next = undefined;
    this.size -= 1;
    return run;
  }
}

interface ActiveRun {
  readonly runId: RunID;
  performance: Performance | undefined;
  abortWanted: boolean;
}

/** A runner: a queue, a store, and a performer behind them. */
export class QueueRunner implements Service {
  readonly #world: World;
  readonly #parts: QueueParts;
  readonly #capacity: number;
  readonly #store: StatusStore;
  readonly #health = new RunnerHealth();
  readonly #updates: UpdateCycle | undefined;
  #queue = new RunQueue();
  #active: ActiveRun | undefined;
  /** Shared by all runs; created for the first. */
  #listener: StatusListener | undefined;
  #start: Timer | undefined;
  /** Shared by all starts; created for the first. */
  #startTopic: Topic | undefined;
  #onStart: (() => void) | undefined;
  #idleSince: number;
  #initFailure: string | undefined;
  #released: Promise<void> | undefined;
  /** Set before the release is traced, because a listener of the trace may use the runner at once. */
  #isReleased = false;
  #onIdle: (() => void) | undefined;

  constructor(world: World, parts: QueueParts) {
    const { capacity = 1, idPrefix = '', updateLimitMs = 0, name } = parts;
    const { history = capacity <= 1 ? 1 : 0 } = parts;
    this.#world = world;
    this.#parts = parts;
    this.#capacity = Math.max(1, capacity);
    this.#store = new StatusStore({
      clock: world.clock,
      name,
      idPrefix,
      capacity: history,
      tracer: world.tracer,
    });
    this.#idleSince = world.clock.now();
    if (parts.filers.size > 0) {
      this.#updates = new UpdateCycle(world, name, parts.filers, updateLimitMs, {
        onWanted: () => this.#proceed(),
        onDone: (fault) => this.#afterUpdate(fault),
      });
    }
    awaitFilers(world, name, parts.filers, (failure) => this.#afterInit(failure));
  }

  /** Returns the runner's own store, for watching service changes or counting waiters. */
  shareStore(): StatusStore {
    // The store leads to the runner's clock, on which other code could then create events: the runner is no longer an
    // isolated part.
    this.#parts.part?.dissolve();
    return this.#store;
  }

  run(command: Command): Promise<RunStatus> {
    // Everything happens in the synchronous call: the order of acceptance is the order of the calls.
    try {
      return Promise.resolve(this.#accept(command));
    } catch (error) {
      this.#traceRejection(error);
      return Promise.reject(error);
    }
  }

  async abort(runId: RunID): Promise<RunStatus> {
    if (this.#isReleased) throw released('abort');
    const status = this.#store.currentStatus(runId);
    if (isTerminal(status.state)) return status;
    const { tracer, clock } = this.#world;
    tracer?.record({ at: clock.now(), type: 'abort', runner: this.#parts.name, runId });
    this.#stop(runId);
    return (await finalStatus(this.#store, runId)).status;
  }

  release(): Promise<void> {
    // A listener of the trace may release it again while the first release is traced.
    if (this.#isReleased && this.#released === undefined) return Promise.resolve().then(() => this.#released);
    this.#released ??= this.#shutDown();
    return this.#released;
  }

  query(query: Query, wait: Wait): Promise<QueryResult> {
    return this.#store.query(query, wait);
  }

  queryNow(query: Query): Promise<QueryResult> {
    return this.#store.queryNow(query);
  }

  status(runId: RunID): Promise<StatusResult> {
    return this.#store.status(runId);
  }

  statusAll(): Promise<QueryResult> {
    return this.#store.statusAll();
  }

  #accept(offered: Command): RunStatus {
    checkOffer(offered, this.#parts.performer);
    const command = copyCommand(offered);
    const held = this.#queue.size + (this.#active === undefined ? 0 : 1);
    admit({
      isReleased: this.#isReleased,
      initFailure: this.#initFailure,
      service: this.#store.serviceStatus,
      isFull: held >= this.#capacity,
    });
    // The run has its place before anything is traced, because a listener of the trace may use the runner at once.
    this.#queue.add(nextRunId(this.#store), command);
    const status = this.#store.newRun(tagsOf(command), runTypeOf(command.snapshotId));
    this.#store.tracer?.accepted(this.#world.clock.now(), this.#parts.name, status.runId, command);
    this.#proceed();
    return status;
  }

  /** Starts what is next: a requested update, or the head of the queue (R68, R77, R78). */
  #proceed(runFirst = false): void {
    const waiting = this.#queue.size > 0;
    if (this.#isReleased || this.#active !== undefined || this.#start !== undefined) return;
    if (this.#updates?.isAtWork === true) return;
    if (this.#updates?.isWanted === true && !(runFirst && waiting)) {
      this.#updates.begin();
      return;
    }
    if (!waiting || !this.#store.serviceStatus.isHealthy) return;
    this.#startTopic ??= namedTopic(this.#parts.name, 'start', '');
    this.#onStart ??= this.#startHead.bind(this);
    this.#start = this.#world.clock.post(this.#startTopic, this.#onStart);
  }

  #startHead(): void {
    this.#start = undefined;
    const head = this.#queue.take();
    // The head may have been aborted since the start was posted.
    if (head === undefined) {
      this.#proceed();
      return;
    }
    const { runId, command } = head;
    const active: ActiveRun = { runId, performance: undefined, abortWanted: false };
    this.#active = active;
    this.#parts.instruments.idleLatency.record(this.#world.clock.now() - this.#idleSince);
    this.#listener ??= this.#onStatus.bind(this);
    active.performance = this.#parts.performer.perform(command, runId, this.#listener);
    if (active.abortWanted) active.performance.abort();
  }

  #onStatus(status: RunStatus, checkout: string | undefined): void {
    if (!isTerminal(status.state)) {
      this.#write(status, checkout);
      return;
    }
    invariant(this.#active?.runId === status.runId, 'expected the terminal status of the active run');
    this.#active = undefined;
    this.#idleSince = this.#world.clock.now();
    const fault = this.#health.note(status);
    if (fault !== undefined) this.#becomeUnhealthy(fault);
    this.#write(status, checkout);
    if (fault !== undefined) this.#failQueue();
    this.#proceed();
    this.#settleRelease();
  }

  #write(status: RunStatus, checkout: string | undefined): void {
    if (checkout === undefined) this.#store.update(status);
    else writeInRow(this.#store, status, checkout);
  }

  #becomeUnhealthy(error: string): void {
    this.#parts.instruments.unhealthy.set(1);
    this.#store.updateService({ initialized: true, isHealthy: false, error });
  }

  /** Fails all queued runs: nothing starts while unhealthy, so their waiters would wait in vain (R83). */
  #failQueue(): void {
    const failure = new ExitCodeError(EXIT_CODES.COULD_NOT_EXEC, WORKER_UNHEALTHY_MSG);
    this.#drainQueue((runId, command) => failedStatus(runId, failure, tagsOf(command)));
  }

  #drainQueue(statusFor: (runId: RunID, command: Command) => RunStatus): void {
    const drained = this.#queue;
    this.#queue = new RunQueue();
    for (let run = drained.take(); run !== undefined; run = drained.take()) {
      this.#store.update(statusFor(run.runId, run.command));
    }
  }

  #stop(runId: RunID): void {
    const queued = this.#queue.take(runId);
    if (queued !== undefined) {
      this.#store.update(abortStatus(runId, tagsOf(queued.command)));
      return;
    }
    if (this.#active?.runId !== runId) return;
    // A performer may call back before `perform` has returned; then the abort is passed on afterwards.
    this.#active.abortWanted = true;
    this.#active.performance?.abort();
  }

  #afterInit(failure: unknown): void {
    const { instruments, name } = this.#parts;
    if (this.#isReleased) return;
    if (failure !== undefined) {
      const error = messageOf(failure);
      this.#initFailure = error;
      instruments.initFailure.increment();
      this.#store.updateService({ initialized: false, isHealthy: false, error });
      return;
    }
    instruments.unhealthy.set(0);
    invariant(this.#active === undefined, () => `expected ${name} to be idle when it is initialized`);
    this.#updates?.start();
    // Last, because a listener of the trace may release the runner at once, which ends the intervals.
    this.#store.updateService(HEALTHY_SERVICE_STATUS);
  }

  #afterUpdate(fault: string | undefined): void {
    const service: ServiceStatus = this.#store.serviceStatus;
    const error = fault ?? '';
    if (service.isHealthy && service.error !== error) this.#store.updateService({ ...service, error });
    this.#proceed(true);
    this.#settleRelease();
  }

  async #shutDown(): Promise<void> {
    this.#isReleased = true;
    const { tracer, clock } = this.#world;
    tracer?.record({ at: clock.now(), type: 'released', runner: this.#parts.name });
    this.#start?.cancel();
    this.#start = undefined;
    this.#updates?.stop();
    this.#drainQueue((runId, command) => abortStatus(runId, tagsOf(command)));
    if (this.#active !== undefined) this.#stop(this.#active.runId);
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      this.#settleRelease();
    });
    closeLazily(this.#store, waitReleased);
  }

  #settleRelease(): void {
    if (this.#active === undefined && this.#updates?.isAtWork !== true) this.#onIdle?.();
  }

  #traceRejection(error: unknown): void {
    const { tracer, clock } = this.#world;
    // An execer's own check may throw anything; that is a rejection without a code, not a broken invariant of this
    // package.
    const code = isRunnerError(error) ? error.code : '';
    tracer?.record({ at: clock.now(), type: 'rejected', runner: this.#parts.name, code });
  }
}

function waitReleased(): RunnerError {
  return released('wait');
}

function released(what: string): RunnerError {
  return new RunnerError('RUNNER_RELEASED', `The runner was released; ${what} needs one that was not.`);
}
