/**
 * Executes actions for clients, as operations that they watch. Invariants: an action in progress is not started again
 * for another client, and ends early only if the operations of all its clients are cancelled or no longer watched; an
 * operation that has ended can still be queried; each watcher sees the stages in order and the result last.
 */
import { digestMessage, outcomeMessage, soundDigest, statusMessage } from '../cas/action-messages.ts';
import {
  type ActionResultMessage,
  EXECUTION_STAGES,
  type ExecuteRequestMessage,
  type Init,
  MESSAGES,
  type OperationMessage,
  packAny,
} from '../cas/codec.ts';
import { sleep, type Timer } from '../kernel/clock.ts';
import { namedTopic } from '../kernel/question.ts';
import { describeValue, isRunnerError, messageOf } from '../kernel/errors.ts';
import { RPC_CODES, type ExecuteRequest, type RpcCode, type RpcStatus } from '../model/action.ts';
import { callBack } from '../model/callback.ts';
import { digestKey, snapshotOfDigest, type Digest } from '../model/digest.ts';
import { EXIT_CODES } from '../model/exit-code.ts';
import { backOffMs, LONGEST_BACK_OFF_MS } from '../model/back-off.ts';
import type { BlobHold } from '../model/content-store.ts';
import type { Command } from '../model/command.ts';
import type { MaybePromise } from '../model/maybe-promise.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import { isTerminal, type RunState, TERMINAL_STATES } from '../model/run-state.ts';
import { DONE_MASK, maskForState, type StateMask } from '../model/state-mask.ts';
import { singleStatus } from '../model/status-lookup.ts';
import { waitForever } from '../model/query.ts';
import type { Service } from '../model/service.ts';
import type { World } from '../model/world.ts';
import { LOST_OUTPUT } from './lost-output.ts';
import { rpcFailure } from './rpc-failure.ts';
import { RpcError, type RpcContext } from './rpc.ts';
import { type Offer, Workers, type WorkersOptions } from './workers.ts';

/** Number of a stage. */
type Stage = (typeof EXECUTION_STAGES)[keyof typeof EXECUTION_STAGES];

const STAGES: Readonly<Record<RunState, Stage>> = {
  UNKNOWN: EXECUTION_STAGES.UNKNOWN,
  PENDING: EXECUTION_STAGES.QUEUED,
  RUNNING: EXECUTION_STAGES.EXECUTING,
  COMPLETE: EXECUTION_STAGES.COMPLETED,
  FAILED: EXECUTION_STAGES.COMPLETED,
  ABORTED: EXECUTION_STAGES.COMPLETED,
  TIMEDOUT: EXECUTION_STAGES.COMPLETED,
};
const CODES: Readonly<Record<RunState, RpcCode>> = {
  UNKNOWN: RPC_CODES.UNKNOWN,
  PENDING: RPC_CODES.OK,
  RUNNING: RPC_CODES.OK,
  COMPLETE: RPC_CODES.OK,
  FAILED: RPC_CODES.INTERNAL,
  ABORTED: RPC_CODES.CANCELLED,
  TIMEDOUT: RPC_CODES.DEADLINE_EXCEEDED,
};

/** The stage of an operation, from the state of its run (R196). */
function stageOf(state: RunState | undefined): Stage {
  return state === undefined ? EXECUTION_STAGES.UNKNOWN : STAGES[state];
}

/** The result of a run as its remote client gets it (R196). */
function statusOfRun({ state, error, actionResult }: RunStatus): RpcStatus {
  return actionResult?.grpcStatus ?? { code: CODES[state], message: WORDS[state] ?? error };
}

/** What a client gets of an action that no client has given up. */
const ABORTED_BY_SERVER = 'the server aborted the action';
const ABORTED_FOR_CLIENT = 'the action was aborted';

const WORDS: Partial<Readonly<Record<RunState, string>>> = {
  ABORTED: ABORTED_BY_SERVER,
  TIMEDOUT: 'the action took longer than its timeout',
};

/** How an operation ended. */
type OperationResult = Pick<Init<OperationMessage>, 'error' | 'response'>;

/** The output of a run that was stopped at its timeout, as far as it could be stored. */
interface PartialLogs {
  readonly stdoutDigest: Digest | null;
  readonly stderrDigest: Digest | null;
}

/** The result of an operation: an error if it was cancelled, otherwise a response (R196). */
function resultOfRun(status: RunStatus, logs: PartialLogs | undefined): OperationResult {
  const rpcStatus = statusMessage(statusOfRun(status));
  if (rpcStatus.code === RPC_CODES.CANCELLED) return { error: rpcStatus };
  const { actionResult } = status;
  const response = packAny(MESSAGES.ExecuteResponse, {
    result: resultMessage(status, logs),
    cachedResult: actionResult?.cached ?? false,
    status: rpcStatus,
    message: status.error,
  });
  return { response };
}

/** Not an exit code of any process: even a client that ignores the status does not take it for success. */
const NO_EXIT_CODE = -1;

/**
 * Builds the result in a response. For a FAILED run it carries the exit code of the machinery, because the protocol has
 * no other place for it. For a run stopped at its timeout, or whose outputs could not be stored, it carries what was
 * printed, although such a run has no result (R191, R194).
 */
function resultMessage(
  { state, exitCode, actionResult }: RunStatus,
  logs: PartialLogs | undefined,
): Init<ActionResultMessage> | null {
  if (state === 'FAILED') return { exitCode, ...logs };
  if (logs !== undefined) return { exitCode: NO_EXIT_CODE, ...logs };
  return actionResult?.result === undefined ? null : outcomeMessage(actionResult.result);
}

/** Maximum size of the results of ended operations that are kept. */
const ENDED_BYTES_MAX = 64 * 1024 * 1024;

/** How many times in a row a runner is asked again about a run, before its clients get the error. */
const ASKED_AGAIN_MAX = 5;

const RUNNING_OR_DONE: StateMask = maskForState('RUNNING', ...TERMINAL_STATES);

/** A client's request for an action, which the client watches, resumes and cancels by name. */
class Operation {
  readonly name: string;
  /** Unlike the name, the same in every execution of a simulation, whatever the seed. */
  readonly label: string;
  readonly execution: Execution;
  #stage: Stage;
  #result: OperationResult | undefined;
  #version = 0;
  readonly #changed = new Set<() => void>();
  /** Number of watchers. */
  watchers = 0;
  /** Runs while there is no watcher. */
  abandoned: Timer | undefined;
  /** Called once a client has received its result. */
  onDelivered: (() => void) | undefined;

  constructor(name: string, label: string, execution: Execution) {
    this.name = name;
    this.label = label;
    this.execution = execution;
    this.#stage = execution.stage;
  }

  get isDone(): boolean {
    return this.#result !== undefined;
  }

  get resultBytes(): number {
    return this.#result?.response?.value?.length ?? 0;
  }

  message(): OperationMessage {
    const metadata = packAny(MESSAGES.ExecuteOperationMetadata, {
      stage: this.#stage,
      actionDigest: this.execution.actionDigest,
    });
    return { name: this.name, metadata, done: this.isDone, ...this.#result } as OperationMessage;
  }

  enter(stage: Stage): void {
    if (stage === this.#stage || this.isDone) return;
    this.#stage = stage;
    this.#notify();
  }

  end(result: OperationResult): void {
    if (this.isDone) return;
    this.#stage = EXECUTION_STAGES.COMPLETED;
    this.#result = result;
    this.#notify();
  }

  /** How often its state has changed. */
  get version(): number {
    return this.#version;
  }

  /** Calls `onChange` after each change of its state, until the function that is returned is called. */
  follow(onChange: () => void): () => void {
    this.#changed.add(onChange);
    return () => this.#changed.delete(onChange);
  }

  #notify(): void {
    this.#version += 1;
    for (const onChange of this.#changed) onChange();
  }
}

/** True if the caller no longer waits; a function, because that may change between two checks. */
function isCutOff({ aborted }: AbortSignal): boolean {
  return aborted;
}

/** One action being executed, for one client or several. */
class Execution {
  readonly key: string;
  readonly instance: string;
  readonly actionDigest: Digest;
  /** The operations of clients that wait for its result. */
  readonly operations = new Set<Operation>();
  stage: Stage = EXECUTION_STAGES.QUEUED;
  /** It was aborted before a runner accepted it: its run is aborted once one has. */
  isCancelled = false;
  /** It is being aborted because its clients have cancelled it or left, and not because the server closes. */
  isGivenUp = false;
  /** Retries the abort if the runner refused it. */
  retry: Timer | undefined;
  /** Set once a runner has accepted it. */
  run: { readonly runner: Service; readonly runId: RunID } | undefined;
  /** Removes it from the queue while it is waiting there. */
  drop: (() => void) | undefined;

  constructor(key: string, instance: string, actionDigest: Digest) {
    this.key = key;
    this.instance = instance;
    this.actionDigest = actionDigest;
  }

  enter(stage: Stage): void {
    this.stage = stage;
    for (const operation of this.operations) operation.enter(stage);
  }

  /** Why it was aborted. */
  get abortedText(): string {
    return this.isGivenUp ? ABORTED_FOR_CLIENT : ABORTED_BY_SERVER;
  }

  /** True if all its clients have been away for long enough. */
  get isAbandoned(): boolean {
    return [...this.operations].every(({ watchers, abandoned }) => watchers === 0 && abandoned === undefined);
  }

  end(result: OperationResult): void {
    this.stage = EXECUTION_STAGES.COMPLETED;
    this.retry?.cancel();
    for (const operation of this.operations) operation.end(result);
  }
}

function cancelledResult(message: string): OperationResult {
  return { error: statusMessage({ code: RPC_CODES.CANCELLED, message }) };
}

/** An action that is ready to run. */
export interface PreparedAction {
  /** Holds all blobs that it needs. */
  readonly hold: BlobHold;
  /** Its command line. The runner reads it from the action again, but rejects a command without a program. */
  readonly argv: readonly string[];
  /** True if other requests for the same action may share its result. */
  readonly isShared: boolean;
}

/** Collaborators and limits of {@link Executions}. */
export interface ExecutionsOptions extends WorkersOptions {
  /** Prefix of the names of all operations. */
  readonly series: string;
  /**
   * An operation that nobody watches for this long is aborted, and the blobs of a result not fetched for this long are
   * released.
   */
  readonly abandonedAfterMs: number;
  /** Called with each action that is aborted for that, and its instance. */
  readonly onAbandoned: ((action: Digest, instance: string) => void) | undefined;
  /** How many operations that have ended can still be queried. */
  readonly endedMax: number;
  /** Checks an action before it is offered to a runner, and holds the blobs that it needs. */
  readonly prepare: (action: Digest, context: RpcContext) => Promise<PreparedAction>;
  /** Stores the output at `ref`, held for as long as the action is; undefined if the ref is unknown. */
  readonly storeLog: ((ref: string, action: Digest) => Promise<Digest | undefined>) | undefined;
  /** Called when nothing of a run's logs is needed any more; its answer waits for that. */
  readonly dropLogs: ((runner: Service, status: RunStatus) => MaybePromise<void>) | undefined;
}

/** The operations of a server, and the executions that they wait for. */
export class Executions {
  readonly #world: World;
  readonly #options: ExecutionsOptions;
  readonly #all = new Map<string, Operation>();
  readonly #active = new Set<Execution>();
  /** Executions that another client may join, by instance and action. */
  readonly #shared = new Map<string, Execution>();
  /** The size of each result that is kept, by the name of the operation; the one that ended first comes first. */
  readonly #ended = new Map<string, number>();
  #endedBytes = 0;
  readonly #workers: Workers;
  /** Release functions of results that have not been delivered yet. */
  readonly #undelivered = new Set<() => void>();
  readonly #closing = new AbortController();
  #count = 0;

  constructor(world: World, options: ExecutionsOptions) {
    this.#world = world;
    this.#options = options;
    const onWorkerLost: WorkersOptions['onWorkerLost'] = (runner, reason) =>
      this.#report('onWorkerLost', '', () => options.onWorkerLost?.(runner, reason));
    this.#workers = new Workers(world, { ...options, onWorkerLost });
  }

  /** Number of operations in progress, including those whose actions wait. */
  get active(): number {
    return this.#all.size - this.#ended.size;
  }

  /** Number of actions that wait for one of several runners. */
  get queued(): number {
    return this.#workers.queued;
  }

  /** Number of actions in progress that do not wait. */
  get running(): number {
    return this.#active.size - this.queued;
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  execute(message: ExecuteRequestMessage, context: RpcContext): AsyncIterable<OperationMessage> {
    return this.#watch(() => this.#requested(message, context), context.signal);
  }

  wait(name: string, context: RpcContext): AsyncIterable<OperationMessage> {
    return this.#watch(() => this.#named(name), context.signal);
  }

  get(name: string): OperationMessage {
    return this.#named(name).message();
  }

  list(): OperationMessage[] {
    return [...this.#all.values()].map((operation) => operation.message());
  }

  /** Ends an operation; its action continues if others wait for it. */
  async cancel(name: string): Promise<void> {
    await this.#cancel(this.#named(name));
  }

  /** Forgets an operation that has ended; has no effect on one in progress. */
  delete(name: string): void {
    if (!this.#named(name).isDone) return;
    this.#forget(name);
  }

  #forget(name: string): void {
    this.#all.delete(name);
    this.#endedBytes -= this.#ended.get(name) ?? 0;
    this.#ended.delete(name);
  }

  /** Aborts actions in progress, does not start those being prepared, and waits for no client any more. */
  close(): void {
    this.#closing.abort();
    for (const { abandoned } of this.#all.values()) abandoned?.cancel();
    for (const execution of [...this.#active]) {
      execution.retry?.cancel();
      this.#abortUntilDone(execution);
    }
    for (const release of [...this.#undelivered]) release();
    this.#workers.close();
  }

  #named(name: string): Operation {
    const operation = this.#all.get(name);
    if (operation === undefined) {
      throw new RpcError('NOT_FOUND', `no operation with the name ${describeValue(name)}`);
    }
    return operation;
  }

  #requested(message: ExecuteRequestMessage, context: RpcContext): MaybePromise<Operation> {
    const actionDigest = soundDigest('action_digest', message.actionDigest);
    const { instanceName, skipCacheLookup, executionPolicy } = message;
    const key = `${instanceName} ${digestKey(actionDigest)}`;
    // A client that skips the cache does not want an execution that others have begun.
    const joined = skipCacheLookup ? undefined : this.#shared.get(key);
    if (joined !== undefined) return this.#open(joined);
    return this.#start(key, context, {
      actionDigest,
      skipCacheLookup,
      instanceName,
      queuedAtMs: this.#world.clock.epochMs + this.#world.clock.now(),
      priority: executionPolicy?.priority ?? 0,
    });
  }

  /** Adds an operation that waits for an execution. */
  #open(execution: Execution): Operation {
    const { series, name } = this.#options;
    this.#count += 1;
    const label = `operations/${name}-${this.#count}`;
    const operation = new Operation(`operations/${series}-${this.#count}`, label, execution);
    this.#all.set(operation.name, operation);
    execution.operations.add(operation);
    return operation;
  }

  async #start(key: string, context: RpcContext, request: ExecuteRequest): Promise<Operation> {
    const { hold, argv, isShared } = await this.#options.prepare(request.actionDigest, context);
    if (this.#isClosed) {
      hold.release();
      throw new RpcError('UNAVAILABLE', 'the server is going down');
    }
    // Another client may have requested the same meanwhile.
    const joined = request.skipCacheLookup === true ? undefined : this.#shared.get(key);
    if (joined !== undefined) {
      hold.release();
      return this.#open(joined);
    }
    const execution = new Execution(key, request.instanceName ?? '', request.actionDigest);
    const operation = this.#open(execution);
    this.#active.add(execution);
    if (isShared) this.#shared.set(key, execution);
    try {
      await this.#offer(execution, hold, {
        argv,
        snapshotId: snapshotOfDigest(request.actionDigest),
        executeRequest: request,
      });
    } catch (error) {
      // The caller gets the error and never learns the name.
      this.#forget(operation.name);
      throw rpcFailure(error);
    }
    return operation;
  }

  /** Resolves once the action waits or a runner has accepted it; rejects if none will. */
  #offer(execution: Execution, hold: BlobHold, command: Command): Promise<void> {
    return new Promise((resolve, reject) => {
      // Before that the client's call fails with the error, so that nobody will fetch a result.
      let isBegun = false;
      const begun = (): void => {
        isBegun = true;
        resolve();
      };
      const over = (result: OperationResult): void => {
        execution.drop = undefined;
        // Must precede the end, at which watchers take the result.
        if (isBegun && 'response' in result && !this.#isClosed) this.#releaseOnceDelivered(execution, hold);
        else hold.release();
        this.#end(execution, result);
      };
      const offer: Offer = {
        start: async (runner) => {
          execution.drop = undefined;
          if (execution.isCancelled) throw new RpcError('CANCELLED', execution.abortedText);
          return runner.run(command);
        },
        follow: async (runner, first) => {
          execution.run = { runner, runId: first.runId };
          begun();
          // All clients may have left before the runner accepted it.
          if (execution.isCancelled) this.#abortUntilDone(execution);
          over(await this.#follow(execution, runner, first));
        },
        waits: () => {
          const drop = (): void => {
            this.#workers.drop(offer);
            over(cancelledResult(execution.abortedText));
          };
          begun();
          if (execution.isCancelled) drop();
          else execution.drop = drop;
        },
        fail: (error) => {
          // Clients that already have the operation read from it how it ended.
          reject(error);
          over(execution.isCancelled ? cancelledResult(execution.abortedText) : failureResult(error));
        },
      };
      try {
        this.#workers.offer(offer);
      } catch (error) {
        offer.fail(error);
      }
    });
  }

  /** Keeps the blobs held for the action until all its clients have the result, or have not fetched it in time. */
  #releaseOnceDelivered({ operations }: Execution, hold: BlobHold): void {
    const waiting = new Set(operations);
    const topic = namedTopic(this.#options.name, 'waits no longer for the', 'delivery of a result');
    const release = (): void => {
      timer.cancel();
      this.#undelivered.delete(release);
      for (const operation of waiting) operation.onDelivered = undefined;
      hold.release();
    };
    const timer = this.#world.clock.timer(topic, this.#options.abandonedAfterMs, release);
    this.#undelivered.add(release);
    for (const operation of operations) {
      operation.onDelivered = () => {
        operation.onDelivered = undefined;
        waiting.delete(operation);
        if (waiting.size === 0) release();
      };
    }
  }

  /**
   * Resolves once the run has ended, or nobody can say whether it has. If its runner answers no more, clients get that
   * as the result, but the run stays one in progress until it is aborted.
   */
  async #follow(execution: Execution, runner: Service, first: RunStatus): Promise<OperationResult> {
    try {
      const status = await this.#lastStatus(execution, runner, first);
      const logs = await this.#partialLogs(status, execution);
      if (this.#options.dropLogs !== undefined) await this.#dropLogs(this.#options.dropLogs, runner, status);
      if (status.state === 'ABORTED' && execution.isGivenUp) return cancelledResult(ABORTED_FOR_CLIENT);
      return resultOfRun(status, logs);
    } catch (error) {
      const result = failureResult(error);
      this.#endOperations(execution, result);
      if (!isUnknown(error)) await this.#abortLost(execution, first.runId);
      return result;
    }
  }

  /** Rejects if the runner does not know the run any more, or has failed to answer too often in a row. */
  async #lastStatus(execution: Execution, runner: Service, first: RunStatus): Promise<RunStatus> {
    const { clock } = this.#world;
    let status = first;
    for (let failures = 0; !isTerminal(status.state);) {
      execution.enter(stageOf(status.state));
      const states = status.state === 'RUNNING' ? DONE_MASK : RUNNING_OR_DONE;
      const askedMs = clock.now();
      try {
        status = singleStatus(await runner.query({ runs: [first.runId], states }, waitForever())).status;
        failures = 0;
      } catch (error) {
        // A wait that lasted was answered as long as it did.
        failures = clock.now() - askedMs >= LONGEST_BACK_OFF_MS ? 1 : failures + 1;
        if (isUnknown(error) || failures > ASKED_AGAIN_MAX || this.#isClosed) throw error;
        this.#recorded(first.runId, 'watch', messageOf(error));
        await this.#pause(execution, failures);
      }
    }
    return status;
  }

  /** Aborts a run that no client waits for any more, however often its runner fails to. */
  async #abortLost(execution: Execution, runId: RunID): Promise<void> {
    // Once the server closes, it asks each runner once more.
    for (let failures = 1; !this.#isClosed; failures += 1) {
      try {
        await this.#abort(execution);
        return;
      } catch (error) {
        this.#recorded(runId, 'abort', messageOf(error));
      }
      await this.#pause(execution, failures);
    }
  }

  /** Waits before a runner is asked again, at most until the server closes. */
  async #pause({ key }: Execution, failures: number): Promise<void> {
    const { signal } = this.#closing;
    const topic = namedTopic(this.#options.name, 'asks again about', key);
    // Only the signal ends it early.
    await sleep(this.#world.clock, backOffMs(failures), topic, signal).catch(() => undefined);
  }

  /** Stores what a command has printed that ended without a result. */
  async #partialLogs(
    { runId, state, exitCode, stdoutRef, stderrRef }: RunStatus,
    { actionDigest }: Execution,
  ): Promise<PartialLogs | undefined> {
    const { storeLog } = this.#options;
    const hasRun = state === 'TIMEDOUT' || (state === 'FAILED' && exitCode === EXIT_CODES.POST_EXEC);
    if (!hasRun || storeLog === undefined) return undefined;
    // A log that cannot be stored is lost and recorded; the result of the run does not change.
    const stored = async (log: string, ref: string): Promise<Digest | null> => {
      try {
        const digest = await storeLog(ref, actionDigest);
        return digest === undefined ? null : digestMessage(digest);
      } catch (error) {
        this.#recorded(runId, LOST_OUTPUT, `${log} could not be stored: ${messageOf(error)}`);
        return null;
      }
    };
    return {
      stdoutDigest: await stored('stdout', stdoutRef),
      stderrDigest: await stored('stderr', stderrRef),
    };
  }

  /** Logs that cannot be dropped change nothing else. */
  async #dropLogs(
    drop: NonNullable<ExecutionsOptions['dropLogs']>,
    runner: Service,
    status: RunStatus,
  ): Promise<void> {
    try {
      await drop(runner, status);
    } catch (error) {
      this.#recorded(status.runId, 'dropLogs', messageOf(error));
    }
  }

  #recorded(runId: RunID, what: string, error: string): void {
    const failed = { runner: this.#options.name, runId, what, error, exitCode: 0 };
    this.#world.tracer?.record({ at: this.#world.clock.now(), type: 'recorded', ...failed });
  }

  /**
   * The current state of the operation and every later one, until it or its watcher ends. One generator for all of that:
   * each further one that a message passes takes several promises.
   */
  async *#watch(find: () => MaybePromise<Operation>, signal: AbortSignal): AsyncGenerator<OperationMessage> {
    const operation = await find();
    operation.watchers += 1;
    operation.abandoned?.cancel();
    operation.abandoned = undefined;
    // Does not stop the abort of an execution that was cancelled.
    if (!operation.execution.isCancelled) operation.execution.retry?.cancel();
    let goOn: (() => void) | undefined;
    const onChange = (): void => goOn?.();
    const unfollow = operation.follow(onChange);
    signal.addEventListener('abort', onChange);
    try {
      for (let seen = -1; !signal.aborted;) {
        if (seen === operation.version) {
          await new Promise<void>((resolve) => {
            goOn = resolve;
          });
          continue;
        }
        seen = operation.version;
        // Decides on the message that is yielded, because the state may change while the watcher handles it.
        const message = operation.message();
        let isTaken = false;
        try {
          yield message;
          isTaken = true;
        } finally {
          // A watcher that returned after the result has received it; one that was cancelled may not have.
          if (message.done && (isTaken || !isCutOff(signal))) operation.onDelivered?.();
        }
        if (message.done) return;
      }
    } finally {
      unfollow();
      signal.removeEventListener('abort', onChange);
      operation.watchers -= 1;
      if (operation.watchers === 0 && !operation.isDone) this.#abandon(operation);
    }
  }

  /** Gives a client whose connection broke time to come back, and aborts the action if it does not. */
  #abandon(operation: Operation): void {
    if (this.#isClosed) return;
    const { abandonedAfterMs, name } = this.#options;
    const topic = namedTopic(name, 'abandons', operation.label);
    operation.abandoned = this.#world.clock.timer(topic, abandonedAfterMs, () => {
      operation.abandoned = undefined;
      if (this.#leftToOthers(operation)) return;
      this.#abortUntilDone(operation.execution);
      const { actionDigest, instance, run } = operation.execution;
      this.#report('onAbandoned', run?.runId ?? '', () =>
        this.#options.onAbandoned?.(actionDigest, instance),
      );
    });
  }

  #report(callback: string, runId: RunID, call: () => unknown): void {
    callBack(this.#world, { callback, runner: this.#options.name, runId }, call);
  }

  /** Rejects if the runner refuses to abort the run, which then continues. */
  async #cancel(operation: Operation): Promise<void> {
    if (operation.isDone || this.#leftToOthers(operation)) return;
    await this.#abort(operation.execution);
  }

  /** If others wait for the action, ends this operation alone; false if there are none. */
  #leftToOthers(operation: Operation): boolean {
    const { operations } = operation.execution;
    if (operations.size === 1) return false;
    operations.delete(operation);
    operation.end(cancelledResult(ABORTED_FOR_CLIENT));
    this.#retire(operation);
    return true;
  }

  /**
   * Retries until the runner aborts the run, the run has ended, or a client is back; without a client, nobody else
   * would retry.
   */
  #abortUntilDone(execution: Execution, failures = 0): void {
    this.#abort(execution).catch((error: unknown) => {
      if (this.#isClosed) {
        // A run that refuses to abort ends with its runner. Any other error is a defect of the runner.
        if (isRunnerError(error)) return;
        throw error;
      }
      const isWanted = !execution.isCancelled && !execution.isAbandoned;
      if (isWanted || !this.#active.has(execution)) return;
      const topic = namedTopic(this.#options.name, 'aborts', execution.key);
      execution.retry?.cancel();
      execution.retry = this.#world.clock.timer(topic, backOffMs(failures + 1), () => {
        this.#abortUntilDone(execution, failures + 1);
      });
    });
  }

  async #abort(execution: Execution): Promise<void> {
    // Later requests for the same action must not join one that is being aborted.
    this.#unshare(execution);
    if (!this.#isClosed) execution.isGivenUp = true;
    const { run, drop } = execution;
    if (run === undefined) {
      execution.isCancelled = true;
      drop?.();
      return;
    }
    try {
      // The end of the run arrives as its status.
      await run.runner.abort(run.runId);
    } catch (error) {
      if (isUnknown(error)) return;
      // The run goes on, and may be aborted later for another reason.
      execution.isGivenUp = false;
      throw error;
    }
  }

  #end(execution: Execution, result: OperationResult): void {
    this.#active.delete(execution);
    this.#endOperations(execution, result);
  }

  #endOperations(execution: Execution, result: OperationResult): void {
    this.#unshare(execution);
    execution.end(result);
    for (const operation of execution.operations) this.#retire(operation);
  }

  #unshare(execution: Execution): void {
    if (this.#shared.get(execution.key) === execution) this.#shared.delete(execution.key);
  }

  #retire(operation: Operation): void {
    operation.abandoned?.cancel();
    operation.abandoned = undefined;
    if (this.#all.get(operation.name) !== operation || this.#ended.has(operation.name)) return;
    const bytes = operation.resultBytes;
    this.#ended.set(operation.name, bytes);
    this.#endedBytes += bytes;
    for (const oldest of this.#ended.keys()) {
      // A client whose connection broke comes back for the last one, however large it is.
      const isMuch = this.#endedBytes > ENDED_BYTES_MAX && this.#ended.size > 1;
      if (this.#ended.size <= this.#options.endedMax && !isMuch) break;
      this.#forget(oldest);
    }
  }
}

/** True if a runner says that the run is over: it knows none of that id, or has been released. */
function isUnknown(error: unknown): boolean {
  return isRunnerError(error, 'RUNNER_UNKNOWN_RUN') || isRunnerError(error, 'RUNNER_RELEASED');
}

/** The result of an action that no runner could complete. */
function failureResult(error: unknown): Pick<Init<OperationMessage>, 'response'> {
  // Its worker has started again, for example, so that the action can be executed once more.
  const isForgotten = isRunnerError(error, 'RUNNER_UNKNOWN_RUN');
  const { status } = isForgotten
    ? new RpcError('UNAVAILABLE', `the worker lost it: ${error.message}`)
    : rpcFailure(error);
  return { response: packAny(MESSAGES.ExecuteResponse, { status: statusMessage(status) }) };
}
