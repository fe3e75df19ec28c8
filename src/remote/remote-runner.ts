/**
 * A runner whose commands are executed by a server of the Remote Execution API. Invariants: an action is executed again
 * only for a reason that the trace records, and after a broken watch only if the server no longer knows the execution;
 * a final status is published only after its logs have been fetched; stopping a run takes no longer than its bound.
 */
import * as is from '../kernel/shape.ts';
import { encodeAction, encodeCommand, outcomeOf, rpcStatusOf } from '../cas/action-messages.ts';
import {
  EXECUTION_STAGES,
  type ExecuteResponseMessage,
  MESSAGES,
  type OperationMessage,
  unpackAny,
} from '../cas/codec.ts';
import { digestOf } from '../cas/digest-of.ts';
import { createMemoryContentStore } from '../cas/memory-content-store.ts';
import { requireProtobuf } from '../cas/protocol-types.ts';
import { check } from '../kernel/argument-check.ts';
import type { Timer } from '../kernel/clock.ts';
import { messageOf, RunnerError } from '../kernel/errors.ts';
import { Thing, type Topic } from '../kernel/question.ts';
import { unknownSnapshot } from '../filers/filer-error.ts';
import {
  RPC_CODES,
  type ActionOutcome,
  type ActionResult,
  type PlatformProperty,
  type RpcCode,
  type RpcStatus,
  type RpcViolation,
} from '../model/action.ts';
import { LONGEST_BACK_OFF_MS } from '../model/back-off.ts';
import { CONTENT_STORE, CREATOR } from '../model/argument-shapes.ts';
import { callBack } from '../model/callback.ts';
import { tagsOf, type Command } from '../model/command.ts';
import type { ContentStore } from '../model/content-store.ts';
import { digestKey, digestOfSnapshot, type Digest } from '../model/digest.ts';
import { notStartedText } from '../model/end-text.ts';
import { EXIT_CODES, exitCodeOf } from '../model/exit-code.ts';
import type { Output, OutputCreator } from '../model/output.ts';
import type { RunState } from '../model/run-state.ts';
import { makeRunStatus, runningStatus, type RunID, type RunOutcome } from '../model/run-status.ts';
import { runTypeOf } from '../model/run-type.ts';
import { watchedService } from '../model/service.ts';
import { checkWorld, type World } from '../model/world.ts';
import { createMemoryOutputs } from '../outputs/memory-output.ts';
import type { Performance, Performer, StatusListener } from '../runners/queue/performer.ts';
import { type QueueOptions, QUEUE_FIELDS } from '../runners/queue/queue-options.ts';
import { QueueRunner } from '../runners/queue/queue-runner.ts';
import { createInstruments } from '../runners/queue/runner-instruments.ts';
import { TreeWalk } from './input-tree.ts';
import { LOST_OUTPUT } from './lost-output.ts';
import { CallTrace } from './call-trace.ts';
import { REMOTE_METHODS as M } from './methods.ts';
import { CALL_MS_MAX, isPassing, RemoteClient, RETRIES_MAX, TRANSPORT, type Watch } from './remote-client.ts';
import { rpcFailure } from './rpc-failure.ts';
import { type RemoteService, rpcCodeName, rpcCodeOf, RpcError } from './rpc.ts';

/** The operation of a server that carries out a run. */
export interface RemoteOperation {
  readonly runId: RunID;
  /** What `WaitExecution`, `GetOperation` and `CancelOperation` of that server take. */
  readonly name: string;
}

/** A call that a remote runner makes again, such as an upload. */
export interface RemoteRetry {
  readonly runId: RunID;
  /** The call in words, such as `Read(blob 1a2b3c4d)`. */
  readonly call: string;
  /** Why it has failed, such as `UNAVAILABLE: …`. */
  readonly error: string;
}

/** Options of {@link createRemoteRunner}. */
export interface RemoteRunnerOptions extends QueueOptions {
  /** Name of the runner in traces and questions, and of its actions on the server. Default `remote`. */
  readonly name?: string;
  /** The connection to the server. */
  readonly transport: RemoteService;
  /** Selects one of several instances on the server. Default `''`. */
  readonly instanceName?: string;
  /** Holds the trees of snapshots, and the actions of commands with an `executeRequest`. Default: an empty store. */
  readonly content?: ContentStore;
  /** Where the logs of completed runs are written. Default: outputs in memory, kept for the newest 100 runs. */
  readonly outputs?: OutputCreator;
  /** Platform properties that workers must have. */
  readonly platform?: readonly PlatformProperty[];
  /** True: equal commands on equal snapshots may share results. Default false: every run is executed. */
  readonly cache?: boolean;
  /** How many times in a row an operation that failed for a transient reason is retried. Default 5. */
  readonly retriesMax?: number;
  /**
   * A run that is being stopped ends after at most this many milliseconds, whatever the server does. Default 10,000.
   */
  readonly cancelBoundMs?: number;
  /**
   * Called when the server has named the operation of a run, before the run is RUNNING; again if the action is executed
   * again. Who keeps the names can find out what has become of a run whose connection or process was lost. What it throws,
   * or rejects with, is recorded in the trace and, in `realWorld()`, a warning of the process; it changes nothing else.
   */
  readonly onOperation?: (operation: RemoteOperation) => void;
  /**
   * Called when a call is made again; for executions and watches, the trace says that. What it throws is treated as that
   * of `onOperation`.
   */
  readonly onRetry?: (retry: RemoteRetry) => void;
  /**
   * Time limit of a call in milliseconds; of a download, from one piece to the next. Watching an execution is not
   * limited. Default 60,000.
   */
  readonly callMsMax?: number;
}

const OPTIONS = is.optionsOf<RemoteRunnerOptions>(
  { transport: TRANSPORT },
  {
    ...QUEUE_FIELDS,
    ...is.each(['name', 'instanceName'], is.TEXT),
    content: CONTENT_STORE,
    outputs: CREATOR,
    platform: is.listOf(
      is.recordOf<PlatformProperty>({ name: is.TEXT, value: is.TEXT }, {}),
      'a list of properties with name and value',
    ),
    cache: is.BOOLEAN,
    retriesMax: is.COUNT,
    cancelBoundMs: is.DURATION_MS,
    callMsMax: is.DURATION_MS,
    onOperation: is.FUNCTION,
    onRetry: is.FUNCTION,
  },
);

/** Options with defaults filled in. */
interface Parts extends Required<Omit<RemoteRunnerOptions, keyof QueueOptions>> {
  readonly world: World;
}

/** An action and the blobs that it consists of. */
interface BuiltAction {
  readonly digest: Digest;
  readonly blobs: ReadonlyMap<string, Digest>;
  /** Blobs that were created here and are in no store. */
  readonly made: ReadonlyMap<string, Uint8Array>;
}

/** How a run ends. */
interface End extends Pick<RunOutcome, 'exitCode' | 'error'> {
  readonly state: Exclude<RunState, 'PENDING' | 'RUNNING' | 'UNKNOWN'>;
  readonly actionResult?: ActionResult | undefined;
}

const ABORTED: End = { state: 'ABORTED', exitCode: 0, error: '' };
const TIMEDOUT: End = { state: 'TIMEDOUT', exitCode: 0, error: '' };
/** A directory without entries is a message without fields. */
const EMPTY_ROOT = new Uint8Array();

/** A run executed by the server. */
class RemotePerformance implements Performance {
  readonly #parts: Parts;
  readonly #command: Command;
  readonly #runId: RunID;
  readonly #onStatus: StatusListener;
  readonly #controller = new AbortController();
  readonly #client: RemoteClient;
  readonly #startedAt: number;
  #logs: readonly [stdout: Output, stderr: Output] | undefined;
  /** Those that have been created, also if the other one could not be. */
  readonly #toClose: Output[] = [];
  #areLogsFetched = false;
  #stop: End | undefined;
  /** The current request to the server; undefined if the server refused it or it is over. */
  #asked: Execution | undefined;
  /**
   * The latest request that is over or was replaced: it may have executed the action, but gave no result that counts.
   */
  #lost: Execution | undefined;
  /** The request to stop the execution; settles once the server has received it, or cannot be reached. */
  #cancelling: Promise<void> | undefined;
  #isRunning = false;
  #isOver = false;
  #isFinished = false;
  /** How the run ends, unless it is being stopped. */
  #end: End | undefined;
  #deadline: Timer | undefined;
  #abort: Timer | undefined;
  #bound: Timer | undefined;
  /** Runs while the server may still stop the command by itself. */
  #patience: Timer | undefined;

  constructor(parts: Parts, command: Command, runId: RunID, onStatus: StatusListener) {
    this.#parts = parts;
    this.#command = command;
    this.#runId = runId;
    this.#onStatus = onStatus;
    this.#startedAt = parts.world.clock.now();
    const { world, name } = parts;
    const calls = world.tracer === undefined ? undefined : new CallTrace(world, world.tracer, name, runId);
    const onRetry = (call: string, error: string): void =>
      callBack(world, { callback: 'onRetry', runner: name, runId }, () =>
        parts.onRetry({ runId, call, error }),
      );
    const { signal } = this.#controller;
    this.#client = new RemoteClient(world, { ...parts, onRetry }, this.#topic('remote'), signal, calls);
  }

  start(): this {
    const { clock } = this.#parts.world;
    const { timeoutMs = 0 } = this.#command;
    if (timeoutMs > 0) {
      this.#deadline = clock.timer(this.#topic('deadline'), timeoutMs, () => this.#stopAs(TIMEDOUT));
    }
    this.#run().then(
      (end) => this.#endLater(end),
      (error: unknown) => {
        if (error instanceof LogsNotCreatedError) void this.#leaveAction(error);
        else this.#endLater(this.#failure(error));
      },
    );
    return this;
  }

  /** Name of the execution on the server, as long as it is believed to be in progress. */
  get #operation(): string | undefined {
    return this.#asked?.name;
  }

  abort(): void {
    if (this.#abort !== undefined || this.#isOver) return;
    this.#abort = this.#parts.world.clock.post(this.#topic('abort'), () => this.#stopAs(ABORTED));
  }

  async #run(): Promise<End> {
    const action = await this.#prepare();
    const result = await this.#execute(action);
    const { response } = result;
    const given = statusOf(result);
    const status = { ...given, message: `${given.message}${lackedText(action, given)}` };
    const outcome = response.result === null ? undefined : outcomeOf(response.result);
    if (status.code === RPC_CODES.OK && outcome !== undefined) this.#noteIfLate(outcome);
    return this.#endOf(status, outcome, response, action.digest);
  }

  /** A result that comes when the run has been stopped is thrown away, which nothing else would show. */
  #noteIfLate({ exitCode }: ActionOutcome): void {
    if (this.#stop === undefined) return;
    const when = this.#stop.state === 'TIMEDOUT' ? 'after its timeout' : 'while the run was being stopped';
    this.#recorded('action', `the result, exit code ${exitCode}, came ${when} and does not count`);
  }

  async #endOf(
    status: RpcStatus,
    outcome: ActionOutcome | undefined,
    response: ExecuteResponseMessage,
    actionDigest: Digest,
  ): Promise<End> {
    const cached = response.cachedResult;
    if (status.code === RPC_CODES.OK && outcome !== undefined) {
      await this.#fetchLogs(outcome);
      if (!cached) await this.#becomeRunning();
      return {
        state: 'COMPLETE',
        exitCode: outcome.exitCode,
        error: response.message,
        actionResult: { actionDigest, cached, result: outcome },
      };
    }
    // Servers may return output with any failure, as after a timeout, but it is no result (R194).
    if (hasPrinted(outcome)) await this.#fetchLogs(outcome);
    if (status.code === RPC_CODES.DEADLINE_EXCEEDED && this.#hasTimeout()) return TIMEDOUT;
    const isOkWithoutResult = status.code === RPC_CODES.OK;
    const grpcStatus = isOkWithoutResult ? { ...status, code: RPC_CODES.INTERNAL } : status;
    const plain = isOkWithoutResult
      ? 'the server gave no result'
      : `the server answered ${rpcCodeName(status.code)}`;
    const error = status.message === '' ? plain : status.message;
    // The server may send a code that is not a process's, for clients that ignore the status; and 0 would look like
    // success.
    const code = outcome?.exitCode ?? 0;
    const exitCode = code > 0 ? code : EXIT_CODES.POST_EXEC;
    return { state: 'FAILED', exitCode, error, actionResult: { actionDigest, cached: false, grpcStatus } };
  }

  /** True if the command has a timeout, or may have one in its action, which only the server knows. */
  #hasTimeout(): boolean {
    return (this.#command.timeoutMs ?? 0) > 0 || this.#command.executeRequest !== undefined;
  }

  /** The output cannot be stored here: asks the server to stop the action, with the same bound as for an abort. */
  async #leaveAction(error: LogsNotCreatedError): Promise<void> {
    const end = this.#failure(error);
    const isUnderWay = this.#operation !== undefined && this.#asked?.hasEnded !== true;
    if (isUnderWay) this.#stopAs(end);
    await this.#cancelling;
    this.#endLater(end);
  }

  /** FAILED; with 240 only if the action was certainly not started (R98). */
  #failure(error: unknown): End {
    const { executeRequest } = this.#command;
    const failure = rpcFailure(error);
    const last = this.#asked ?? this.#lost;
    const fallback = last === undefined ? EXIT_CODES.COULD_NOT_EXEC : EXIT_CODES.POST_EXEC;
    const end = {
      state: 'FAILED',
      exitCode: exitCodeOf(error, fallback),
      error:
        failure instanceof FailedOperation || error instanceof LogsNotCreatedError
          ? failure.message
          : failureText(failure, this.#asked, last, this.#isRunning),
    } as const;
    if (executeRequest === undefined) return end;
    const { actionDigest } = executeRequest;
    const { status } = failure;
    // A problem with the result is not the fault of the caller (R191).
    const grpcStatus = this.#asked?.hasEnded === true ? { ...status, code: RPC_CODES.INTERNAL } : status;
    return { ...end, actionResult: { actionDigest, cached: false, grpcStatus } };
  }

  /** The blobs of the action; if the command brings its action along, those that are available here. */
  async #prepare(): Promise<BuiltAction> {
    const { executeRequest, snapshotId = '', argv, envVars = {}, timeoutMs = 0 } = this.#command;
    const { platform, cache, name, world } = this.#parts;
    const made = new Map<string, Uint8Array>();
    const blobs = new Map<string, Digest>();
    const add = (bytes: Uint8Array): Digest => {
      const digest = digestOf(bytes);
      made.set(digestKey(digest), bytes);
      blobs.set(digestKey(digest), digest);
      return digest;
    };
    if (executeRequest !== undefined) {
      await this.#addGiven(executeRequest.actionDigest, blobs);
      return { digest: executeRequest.actionDigest, blobs, made };
    }
    const root = snapshotId === '' ? add(EMPTY_ROOT) : digestOfSnapshot(snapshotId);
    if (root === undefined) throw unknownSnapshot(snapshotId);
    if (snapshotId !== '') await this.#addTree(root, blobs);
    const commandDigest = add(
      encodeCommand({
        arguments: argv,
        environmentVariables: envVars,
        outputFiles: [],
        outputDirectories: [],
        outputPaths: [],
        workingDirectory: '',
        platform,
      }),
    );
    // No two runs have the same action, but the attempts of one run do, so that the server joins them.
    const nonce = world.random.fork(`${name} run ${this.#runId}`).uint32();
    const salt = new TextEncoder().encode(`${name} ${this.#runId} ${nonce} ${this.#startedAt}`);
    const digest = add(
      encodeAction({
        commandDigest,
        inputRootDigest: root,
        doNotCache: false,
        platform,
        ...(cache ? {} : { salt }),
        ...(timeoutMs > 0 ? { timeoutMs } : {}),
      }),
    );
    return { digest, blobs, made };
  }

  async #addTree(root: Digest, blobs: Map<string, Digest>): Promise<void> {
    const { content } = this.#parts;
    const cancel = this.#controller;
    const isHere = (await content.findMissing([root], cancel)).length === 0;
    // A blob that is missing here may be on the server, which reports it if it is not.
    if (!isHere) return;
    const walk = new TreeWalk(content, root, () => undefined, cancel);
    for (let found = await walk.next(); found !== undefined; found = await walk.next()) {
      const { digest, message } = found;
      blobs.set(digestKey(digest), digest);
      for (const file of message.files) {
        if (file.digest !== null) blobs.set(digestKey(file.digest), file.digest);
      }
    }
    for (const digest of await content.findMissing([...blobs.values()], cancel)) {
      blobs.delete(digestKey(digest));
    }
  }

  async #addGiven(actionDigest: Digest, blobs: Map<string, Digest>): Promise<void> {
    const { content } = this.#parts;
    const cancel = this.#controller;
    if ((await content.findMissing([actionDigest], cancel)).length > 0) return;
    const bytes = await content.read(actionDigest, undefined, cancel);
    const { commandDigest, inputRootDigest } = MESSAGES.Action.decode(bytes);
    blobs.set(digestKey(actionDigest), actionDigest);
    if (inputRootDigest !== null) await this.#addTree(inputRootDigest, blobs);
    if (commandDigest === null) return;
    if ((await content.findMissing([commandDigest], cancel)).length > 0) return;
    blobs.set(digestKey(commandDigest), commandDigest);
  }

  /** Uploads the action, executes it, and watches until there is a result. */
  async #execute(action: BuiltAction): Promise<Result> {
    await this.#upload(action);
    // `failures` in a row start over when there is progress; `restarts` of the action are counted over the whole run.
    const tries = { failures: 0, restarts: 0 };
    for (;;) {
      const attempt = await this.#attempt(action, tries);
      if ('response' in attempt) return attempt;
      // The watch of a run that is being stopped is not resumed, but the server must still be asked to stop.
      if (this.#patience !== undefined) this.#stopThere();
      await this.#cancelling;
      this.#checkWanted();
      tries.failures += 1;
      // A broken watch says nothing about the execution, so look for that first.
      if (this.#operation === undefined) {
        tries.restarts += 1;
        this.#recorded('action', attempt.reason, { isRepeated: true });
      } else this.#recorded('watch', attempt.reason);
      await this.#client.pause(tries.failures);
    }
  }

  #upload({ blobs, made }: BuiltAction): Promise<void> {
    const { content } = this.#parts;
    const cancel = this.#controller;
    return this.#client.upload(blobs, {
      read: (digest) => made.get(digestKey(digest)) ?? content.read(digest, undefined, cancel),
      readStream: (digest, range) => {
        const bytes = made.get(digestKey(digest));
        return bytes === undefined
          ? content.readStream(digest, range, cancel)
          : alone(bytes.subarray(range.offset));
      },
    });
  }

  /** Watches once; returns the result, or the reason to watch again. Throws if a retry is pointless. */
  async #attempt(action: BuiltAction, tries: Tries): Promise<Result | Failure> {
    const { retriesMax } = this.#parts;
    try {
      const result = await this.#watch(action.digest, tries);
      if (result === undefined) throw new RpcError('UNAVAILABLE', 'the watch ended without a result');
      const reason = transientFailure(result, action);
      if (reason === undefined || tries.restarts >= retriesMax) return result;
      this.#forgetExecution({ isRefused: lacksBlobs(result) });
      if (lacksBlobs(result)) await this.#upload(action);
      return { reason };
    } catch (error) {
      const failure = withLacked(this.#asLost(error), action);
      const isMissing = failure.status.violations !== undefined;
      const isGone = this.#isGone(error, failure.status);
      const isRefused = isMissing || this.#isRefusal(error);
      if (isRefused || isGone || error instanceof FailedOperation) this.#forgetExecution({ isRefused });
      const failures = this.#operation === undefined ? tries.restarts : tries.failures;
      if (failures >= retriesMax || !(isGone || isRetryable(failure, action))) throw failure;
      if (isMissing) await this.#upload(action);
      return { reason: failure.message };
    }
  }

  /** True if the server answered Execute without starting anything. */
  #isRefusal(error: unknown): boolean {
    return this.#operation === undefined && error instanceof RpcError && REFUSALS.has(error.status.code);
  }

  /** Notes that nothing is in progress on the server. If the execution was refused, the command was never started. */
  #forgetExecution({ isRefused }: { readonly isRefused: boolean }): void {
    if (!isRefused || this.#asked?.executingAtMs !== undefined) this.#lost = this.#asked ?? this.#lost;
    this.#asked = undefined;
  }

  /**
   * Classifies a failed watch. A cancelled operation is over, and a run that is being stopped cancels its own watch;
   * any other cancellation is a broken connection.
   */
  #asLost(error: unknown): RpcError {
    if (error instanceof LogsNotCreatedError) throw error;
    const failure = rpcFailure(error);
    const isOwn = failure instanceof FailedOperation || this.#stop !== undefined;
    return isOwn ? failure : this.#client.asCutOff(failure);
  }

  /**
   * True if the server no longer knows the execution, or somebody else cancelled it: nobody has aborted this run
   * (R203).
   */
  #isGone(error: unknown, { code }: RpcStatus): boolean {
    if (code === RPC_CODES.NOT_FOUND) return this.#operation !== undefined;
    return error instanceof FailedOperation && code === RPC_CODES.CANCELLED;
  }

  /**
   * Calls Execute, or WaitExecution if the server has already started. Undefined if the stream ends without a result.
   */
  async #watch(actionDigest: Digest, tries: Tries): Promise<Result | undefined> {
    const { instanceName } = this.#parts;
    const { skipCacheLookup = false } = this.#command.executeRequest ?? {};
    const name = this.#operation;
    const { messages, call }: Watch<OperationMessage> =
      name === undefined
        ? this.#client.watch(M.execute, { instanceName, actionDigest, skipCacheLookup })
        : this.#client.watch(M.waitExecution, { name });
    const execution = this.#executionOf(name);
    const { clock } = this.#parts.world;
    const sinceMs = clock.now();
    let isAnswered = false;
    try {
      for await (const message of messages) {
        isAnswered = true;
        call?.takeOperation(message);
        if (await this.#apply(execution, message)) tries.failures = 0;
        if (message.done) return resultOf(message);
      }
      call?.end();
      return undefined;
    } catch (error) {
      if (error instanceof LogsNotCreatedError) call?.leave();
      else call?.fail(error);
      throw error;
    } finally {
      // A stage can take hours, during which proxies cut idle streams again and again, so a long watch counts as
      // progress. A watch in which the server never answered does not count, however long it took to fail.
      if (isAnswered && clock.now() - sinceMs >= LONGEST_BACK_OFF_MS) tries.failures = 0;
    }
  }

  /** The current execution if it has a name; otherwise a new one. */
  #executionOf(name: string | undefined): Execution {
    if (name !== undefined && this.#asked !== undefined) return this.#asked;
    this.#lost = this.#asked ?? this.#lost;
    return (this.#asked = new Execution());
  }

  /** Applies a message about the execution; true if it shows progress. */
  async #apply(execution: Execution, { name, metadata, done }: OperationMessage): Promise<boolean> {
    if (name !== '') {
      if (execution.name !== name) {
        const { world, name: runner, onOperation } = this.#parts;
        const runId = this.#runId;
        callBack(world, { callback: 'onOperation', runner, runId }, () => onOperation({ runId, name }));
      }
      execution.name = name;
    }
    execution.hasEnded = done;
    if (this.#stop !== undefined && this.#patience === undefined) this.#cancelOperation();
    const stage = unpackAny(MESSAGES.ExecuteOperationMetadata, metadata)?.stage ?? EXECUTION_STAGES.UNKNOWN;
    const isProgress = execution.reach(stage, this.#parts.world.clock.now());
    if (stage === EXECUTION_STAGES.EXECUTING) await this.#becomeRunning();
    return isProgress;
  }

  /** Publishes RUNNING, the first visible sign that a run has started. */
  async #becomeRunning(): Promise<void> {
    if (this.#isRunning || this.#isOver || this.#stop !== undefined) return;
    this.#isRunning = true;
    const [stdout, stderr] = await this.#openLogs();
    if (this.#hasEnded()) return;
    this.#onStatus(runningStatus(this.#runId, stdout.uri, stderr.uri, tagsOf(this.#command)));
  }

  #hasEnded(): boolean {
    return this.#isOver;
  }

  async #openLogs(): Promise<readonly [stdout: Output, stderr: Output]> {
    if (this.#logs !== undefined) return this.#logs;
    const { outputs } = this.#parts;
    try {
      const stdout = this.#opened(await outputs.create(`${this.#runId}-stdout`));
      const stderr = this.#opened(await outputs.create(`${this.#runId}-stderr`));
      return (this.#logs = [stdout, stderr]);
    } catch (error) {
      throw new LogsNotCreatedError(error);
    }
  }

  /** Sees to it that a log is closed, also one that is there only when the run is over. */
  #opened(log: Output): Output {
    if (this.#isOver) void this.#closeLog(log);
    else this.#toClose.push(log);
    return log;
  }

  /**
   * A log that the server has lost, or that cannot be written here, is lost and recorded; the run's result does not
   * change.
   */
  async #fetchLogs({ stdoutDigest, stderrDigest, stdoutRaw, stderrRaw }: ActionOutcome): Promise<void> {
    const [stdout, stderr] = await this.#openLogs();
    this.#areLogsFetched = true;
    for (const [name, log, digest, raw] of [
      ['stdout', stdout, stdoutDigest, stdoutRaw],
      ['stderr', stderr, stderrDigest, stderrRaw],
    ] as const) {
      let done = 'fetched';
      try {
        for await (const part of raw === undefined ? this.#logParts(digest) : alone(raw)) {
          done = 'written';
          await log.write(part);
          done = 'fetched';
        }
      } catch (error) {
        this.#checkWanted();
        this.#recorded(LOST_OUTPUT, `${name} could not be ${done} in full: ${messageOf(error)}`);
      }
    }
  }

  async *#logParts(digest: Digest | undefined): AsyncGenerator<Uint8Array> {
    if (digest !== undefined && digest.sizeBytes > 0) yield* this.#client.readStream(digest);
  }

  #stopAs(end: End): void {
    // An abort replaces a timeout, as in every runner; nothing replaces an abort.
    if (this.#isOver || this.#stop?.state === 'ABORTED') return;
    const isFirst = this.#stop === undefined;
    this.#stop = end;
    if (isFirst) {
      const { clock } = this.#parts.world;
      const about = this.#topic('remote');
      this.#bound = clock.endOfInstant(about.plus('bound'), this.#parts.cancelBoundMs, () => this.#atBound());
      if (end.state === 'TIMEDOUT' && this.#isTimedThere()) {
        this.#patience = clock.timer(about.plus('patience'), this.#patienceMs(), () => this.#stopThere());
        return;
      }
    }
    this.#stopThere();
  }

  /** Half of the bound, which leaves the other half for cancelling. */
  #patienceMs(): number {
    return this.#parts.cancelBoundMs / 2;
  }

  /**
   * True if the server is about to stop the command because of the same timeout; it can then return the output, which
   * it cannot after a cancellation.
   */
  #isTimedThere(): boolean {
    const { timeoutMs = 0, executeRequest } = this.#command;
    const { executingAtMs } = this.#asked ?? {};
    if (executeRequest !== undefined || executingAtMs === undefined) return false;
    return executingAtMs + timeoutMs < this.#parts.world.clock.now() + this.#patienceMs();
  }

  #stopThere(): void {
    this.#patience?.cancel();
    this.#patience = undefined;
    if (this.#operation === undefined) this.#controller.abort();
    else this.#cancelOperation();
  }

  /** Asks the server to cancel, which ends the watch. If the server cannot be reached, the bound ends the run. */
  #cancelOperation(): void {
    const name = this.#operation;
    if (name === undefined || this.#cancelling !== undefined) return;
    this.#cancelling = this.#client.call(M.cancelOperation, { name }).then(
      () => undefined,
      (error: unknown) => {
        if (this.#isOver) return;
        this.#recorded('cancel', messageOf(error));
        this.#controller.abort();
      },
    );
  }

  #checkWanted(): void {
    if (this.#stop !== undefined) throw new RpcError('CANCELLED', 'the run is being stopped');
  }

  #endLater(end: End): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#end = end;
    this.#deadline?.cancel();
    this.#patience?.cancel();
    this.#abort?.cancel();
    this.#controller.abort();
    const { world, cancelBoundMs } = this.#parts;
    const about = this.#topic('remote').plus('bound');
    // A log that does not close delays the run no longer than a server that does not answer.
    this.#bound ??= world.clock.endOfInstant(about, cancelBoundMs, () => this.#atBound());
    void this.#closeLogs().then(() => this.#finishLater());
  }

  /** Ends the run without waiting any longer. */
  #atBound(): void {
    if (this.#isOver) this.#recorded('output', 'the logs were not closed within the bound');
    else {
      this.#recorded('cancel', this.#unstopped());
      this.#endLater(this.#stop ?? ABORTED);
    }
    this.#finishLater();
  }

  /** Why the bound has passed. */
  #unstopped(): string {
    const { cancelBoundMs } = this.#parts;
    const asked = this.#asked ?? this.#lost;
    if (asked === undefined) {
      return `the run could not be stopped within ${cancelBoundMs} ms while its action was prepared; nothing was executed`;
    }
    return `the server did not end the action within ${cancelBoundMs} ms; it may still be under way there as ${asked.name ?? 'an operation without a name'}`;
  }

  #finishLater(): void {
    const end = this.#stop ?? this.#end;
    if (end === undefined || this.#isFinished) return;
    this.#isFinished = true;
    this.#bound?.cancel();
    this.#parts.world.clock.post(this.#topic('end'), () => this.#finish(end));
  }

  async #closeLogs(): Promise<void> {
    for (const log of this.#toClose) await this.#closeLog(log);
  }

  async #closeLog(log: Output): Promise<void> {
    try {
      await log.close();
    } catch (error) {
      this.#recorded('output', messageOf(error));
    }
  }

  #finish({ state, exitCode, error, actionResult }: End): void {
    const refs = { stdoutRef: '', stderrRef: '' };
    if (this.#areLogsFetched && state !== 'ABORTED' && this.#logs !== undefined) {
      const [stdout, stderr] = this.#logs;
      refs.stdoutRef = stdout.uri;
      refs.stderrRef = stderr.uri;
    }
    const status = makeRunStatus(this.#runId, state, tagsOf(this.#command), refs, {
      snapshotId: '',
      exitCode,
      error,
    });
    const isBazel = runTypeOf(this.#command.snapshotId) === 'bazel' && actionResult !== undefined;
    this.#onStatus(isBazel ? Object.freeze({ ...status, actionResult }) : status);
  }

  #recorded(what: string, error: string, more: { readonly isRepeated?: boolean } = {}): void {
    const { world, name: runner } = this.#parts;
    const failed = { runner, runId: this.#runId, what, error, exitCode: 0 };
    world.tracer?.record({ at: world.clock.now(), type: 'recorded', ...failed, ...more });
  }

  #topic(what: string): Topic {
    return new Thing('run', this.#runId, this.#parts.name).topic(what);
  }
}

async function* alone(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** The final answer of a server. */
interface Result {
  readonly response: ExecuteResponseMessage;
}

/** What is known about an execution that was requested from the server. */
class Execution {
  /** The server's name for it, once known. */
  name: string | undefined;
  /** When the server reported that the command is running. */
  executingAtMs: number | undefined;
  /** True once the server has reported that it has ended. */
  hasEnded = false;
  #stage = -1;

  /** True if the stage is a new one; a resumed watch begins with a stage that is already known. */
  reach(stage: number, nowMs: number): boolean {
    if (stage === EXECUTION_STAGES.EXECUTING) this.executingAtMs ??= nowMs;
    const isProgress = stage > this.#stage;
    if (isProgress) this.#stage = stage;
    return isProgress;
  }
}

/**
 * Codes with which a server answers Execute when it has certainly started nothing. Others may also come from the
 * connection.
 */
const REFUSALS: ReadonlySet<RpcCode> = new Set([
  RPC_CODES.INVALID_ARGUMENT,
  RPC_CODES.NOT_FOUND,
  RPC_CODES.ALREADY_EXISTS,
  RPC_CODES.PERMISSION_DENIED,
  RPC_CODES.UNAUTHENTICATED,
  RPC_CODES.RESOURCE_EXHAUSTED,
  RPC_CODES.FAILED_PRECONDITION,
  RPC_CODES.OUT_OF_RANGE,
  RPC_CODES.UNIMPLEMENTED,
]);

/** Describes a failure and its consequence for the action, which may continue without its client. */
function failureText(
  { message, status: { code } }: RpcError,
  current: Execution | undefined,
  last: Execution | undefined,
  hasRun: boolean,
): string {
  if (last === undefined) {
    return notStartedText(
      isUnreached(code) ? `the server is unavailable: ${message}; the action was not started` : message,
    );
  }
  if (current?.hasEnded === true) return `the action has ended, but its result cannot be used: ${message}`;
  // The same code comes from a server that answers and from a broken connection.
  const why = `the server ${isUnreached(code) ? 'is unavailable' : 'failed'}: ${message}`;
  if (last.name === undefined) {
    return `${why}; whether it has started the action${hasRun ? ' again' : ''} is not known`;
  }
  if (current === undefined) {
    return `${why}; it had accepted the action as ${last.name}, and has given no result`;
  }
  return `${why}; the action may still be under way there as ${last.name}`;
}

/** True for a code after which it is unknown whether the call reached the server. */
function isUnreached(code: RpcCode): boolean {
  return code === RPC_CODES.UNAVAILABLE || code === RPC_CODES.DEADLINE_EXCEEDED;
}

/** Unsuccessful attempts: failures since the last progress, and how often the action was executed again. */
interface Tries {
  failures: number;
  restarts: number;
}

/** Why there is no result yet. */
interface Failure {
  readonly reason: string;
}

/** An operation that the server ended without a response, because it was cancelled. */
class FailedOperation extends RpcError {
  constructor({ code, message, violations = [] }: RpcStatus) {
    super(rpcCodeOf(code), message || `the server ended the operation as ${rpcCodeName(code)}`, {
      violations,
    });
  }
}

/** The logs could not be created: a failure of this machine and not of the server. */
class LogsNotCreatedError extends RunnerError {
  constructor(cause: unknown) {
    super('RUNNER_OUTPUT_FAILED', `the logs of the run could not be created here: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** The result of an operation that has ended; throws if there is none. */
function resultOf(message: OperationMessage): Result {
  const response = unpackAny(MESSAGES.ExecuteResponse, message.response);
  if (response !== undefined) return { response };
  const { error } = message;
  if (error !== undefined && error.code !== RPC_CODES.OK) throw new FailedOperation(rpcStatusOf(error));
  throw new RpcError('INTERNAL', 'the server gave a result that is none');
}

/**
 * Why a result should be retried (the worker died, or blobs that the action needs are gone); undefined if it should
 * not.
 */
function transientFailure(result: Result, action: BuiltAction): string | undefined {
  const status = statusOf(result);
  const { code, message } = status;
  if (lackedText(action, status) !== '') return undefined;
  return lacksBlobs(result) || isLostWork(code) ? `${rpcCodeName(code)}: ${message}` : undefined;
}

/** True if the server returned the output of an action. */
function hasPrinted(outcome: ActionOutcome | undefined): outcome is ActionOutcome {
  const { stdoutDigest, stderrDigest, stdoutRaw, stderrRaw } = outcome ?? {};
  return [stdoutDigest, stderrDigest, stdoutRaw, stderrRaw].some((each) => each !== undefined);
}

/** True if an execution that ended with this code may succeed on another worker. */
function isLostWork(code: RpcCode): boolean {
  return code === RPC_CODES.UNAVAILABLE || code === RPC_CODES.ABORTED;
}

/** True if the action, or the failed call, may succeed another time. */
function isRetryable(failure: RpcError, action: BuiltAction): boolean {
  const { status } = failure;
  if (status.violations !== undefined) return lackedText(action, status) === '';
  return (failure instanceof FailedOperation ? isLostWork : isPassing)(status.code);
}

/** True if blobs that the action needs are gone. */
function lacksBlobs(result: Result): boolean {
  return statusOf(result).violations !== undefined;
}

function statusOf({ response: { status } }: Result): RpcStatus {
  return status === null ? { code: RPC_CODES.OK, message: '' } : rpcStatusOf(status);
}

const BLOB_PREFIX = 'blobs/';

/**
 * What to add to the status of a server that lacks blobs of the action which are not here either: nothing can upload
 * them. Empty if there are none.
 */
function lackedText({ blobs }: BuiltAction, { violations = [] }: RpcStatus): string {
  const isHere = ({ subject }: RpcViolation): boolean =>
    !subject.startsWith(BLOB_PREFIX) || blobs.has(subject.slice(BLOB_PREFIX.length));
  const lacked = violations.filter((violation) => !isHere(violation));
  const [first] = lacked;
  if (first === undefined) return '';
  if (lacked.length === violations.length) {
    return `; content lacks ${lacked.length === 1 ? 'it' : 'them'} too`;
  }
  const name = first.subject.slice(BLOB_PREFIX.length);
  return `; content lacks ${lacked.length === 1 ? name : `${lacked.length} of them, such as ${name},`} too`;
}

function withLacked(failure: RpcError, action: BuiltAction): RpcError {
  const { status } = failure;
  const lacked = lackedText(action, status);
  if (lacked === '') return failure;
  const message = `${failure.message}${lacked}`;
  if (failure instanceof FailedOperation) return new FailedOperation({ ...status, message });
  const { code, violations = [] } = status;
  return new RpcError(rpcCodeOf(code), message, { cause: failure, violations });
}

class RemotePerformer implements Performer {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Servers reject an action without a program; the caller should hear of that at once (R66). */
  check({ argv, executeRequest }: Command): void {
    if (argv.length > 0 || executeRequest !== undefined) return;
    throw new RunnerError('RUNNER_INVALID_ARGUMENT', 'command.argv: expected a program, got an empty list', {
      actual: argv,
    });
  }

  perform(command: Command, runId: RunID, onStatus: StatusListener): Performance {
    return new RemotePerformance(this.#parts, command, runId, onStatus).start();
  }
}

const OUTPUTS_KEPT = 200;

/**
 * Creates a runner on a cluster: each command becomes an action of the Remote Execution API, which any conforming
 * server can execute.
 *
 * The action has the command's `argv` and `envVars`. Its `timeoutMs` counts from when this runner begins the run, so
 * that uploads and the time in the queue of the server are part of it; on the server it counts from the start of the
 * process. To limit the process alone, give the timeout to an action of your own (`encodeAction`). A snapshot is a tree, given by its `bz-HASH-SIZE` id, in `content` or on the
 * server; blobs that the server lacks are uploaded. A command with an `executeRequest` brings its own action. The
 * output of a completed run can be read at its refs; a run in progress or aborted has none, and a run that timed out
 * has as much as the server returns.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid options, `RUNNER_MISSING_PACKAGE` without protobufjs.
 * @example
 * ```ts
 * import { createMemoryOutputs, createSimulatedRunner, createMemoryTree, finalStatus, simulate } from 'dryrunner';
 * import {
 *   createActionStore, createContentFiler, createMemoryActionCache, createMemoryContentStore, createRemoteRunner,
 *   createRemoteService, overWire,
 * } from 'dryrunner/remote';
 * const verdict = await simulate({
 *   scenario: async (sim) => {
 *     const [content, cache, tree] = [createMemoryContentStore(), createMemoryActionCache(), createMemoryTree()];
 *     const worker = createSimulatedRunner(sim.world, {
 *       name: 'worker',
 *       filers: new Map([['bazel', { filer: createContentFiler({ content, tree }) }]]),
 *       actions: createActionStore({ content, cache, tree }),
 *     });
 *     const server = createRemoteService(sim.world, { runner: worker, content, cache });
 *     const outputs = createMemoryOutputs();
 *     const runner = createRemoteRunner(sim.world, { transport: overWire(server), outputs });
 *     const { runId } = await runner.run({ argv: ['stdout hello', 'complete 3'] });
 *     const { status } = await finalStatus(runner, runId);
 *     sim.check(status.exitCode === 3, 'the exit code comes back');
 *     sim.check(outputs.find(status.stdoutRef)?.text() === 'hello', 'and what it wrote');
 *     await runner.release();
 *     server.close();
 *     await worker.release();
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export function createRemoteRunner(world: World, options: RemoteRunnerOptions): QueueRunner {
  checkWorld(world);
  check('options', options, OPTIONS);
  requireProtobuf('createRemoteRunner');
  const { name = 'remote', transport, capacity, history, idPrefix, updateLimitMs } = options;
  const parts: Parts = {
    world,
    name,
    transport,
    instanceName: options.instanceName ?? '',
    content: options.content ?? createMemoryContentStore(),
    outputs: options.outputs ?? createMemoryOutputs({ maxOutputs: OUTPUTS_KEPT }),
    platform: options.platform ?? [],
    cache: options.cache ?? false,
    retriesMax: options.retriesMax ?? RETRIES_MAX,
    cancelBoundMs: options.cancelBoundMs ?? 10_000,
    callMsMax: options.callMsMax ?? CALL_MS_MAX,
    onOperation: options.onOperation ?? (() => undefined),
    onRetry: options.onRetry ?? (() => undefined),
  };
  const runner = new QueueRunner(world, {
    name,
    performer: new RemotePerformer(parts),
    filers: new Map(),
    instruments: createInstruments(),
    capacity,
    history,
    idPrefix,
    updateLimitMs,
  });
  return watchedService(world, name, runner);
}
