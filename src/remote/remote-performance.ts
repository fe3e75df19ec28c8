/**
 * A run that a server of the Remote Execution API carries out. Invariants: an action is executed again only for a reason
 * that the trace records, and after a broken watch only if the server no longer knows the execution; a final status is
 * published only after its logs have been fetched; stopping a run takes no longer than its bound.
 */
import { outcomeOf } from '../cas/action-messages.ts';
import {
  EXECUTION_STAGES,
  type ExecuteResponseMessage,
  MESSAGES,
  type OperationMessage,
  unpackAny,
} from '../cas/codec.ts';
import type { Timer } from '../kernel/clock.ts';
import { messageOf } from '../kernel/errors.ts';
import { Thing, type Topic } from '../kernel/question.ts';
import { RPC_CODES, type ActionOutcome, type ActionResult, type RpcStatus } from '../model/action.ts';
import { LONGEST_BACK_OFF_MS } from '../model/back-off.ts';
import { callBack } from '../model/callback.ts';
import { tagsOf, type Command } from '../model/command.ts';
import type { Digest } from '../model/digest.ts';
import { EXIT_CODES, type ExitCode } from '../model/exit-code.ts';
import type { RunState } from '../model/run-state.ts';
import { makeRunStatus, runningStatus, type RunID, type RunOutcome } from '../model/run-status.ts';
import { runTypeOf } from '../model/run-type.ts';
import type { Performance, StatusListener } from '../runners/queue/performer.ts';
import { ActionBuilder, type BuiltAction, sourceOf } from './built-action.ts';
import { CallTrace } from './call-trace.ts';
import { FetchedLogs, LogsNotCreatedError } from './fetched-logs.ts';
import { REMOTE_METHODS as M } from './methods.ts';
import { RemoteClient, type Watch } from './remote-client.ts';
import {
  FailedOperation,
  hasPrinted,
  isRetryable,
  isUnstarted,
  lackedText,
  lacksBlobs,
  type RemoteResult,
  resultOf,
  statusOf,
  transientFailure,
  withLacked,
} from './remote-result.ts';
import type { RemoteParts } from './remote-runner-options.ts';
import { failureText, REFUSALS, RequestedExecution } from './requested-execution.ts';
import { rpcFailure } from './rpc-failure.ts';
import { rpcCodeName, RpcError } from './rpc.ts';

/** How a run ends. */
interface End extends Pick<RunOutcome, 'exitCode' | 'error'> {
  readonly state: Exclude<RunState, 'PENDING' | 'RUNNING' | 'UNKNOWN'>;
  readonly actionResult?: ActionResult | undefined;
}

const ABORTED: End = { state: 'ABORTED', exitCode: 0, error: '' };
const TIMEDOUT: End = { state: 'TIMEDOUT', exitCode: 0, error: '' };
const MACHINERY_CODES: ReadonlySet<ExitCode> = new Set(Object.values(EXIT_CODES));

/** Unsuccessful attempts: failures since the last progress, and how often the action was executed again. */
interface Tries {
  failures: number;
  restarts: number;
}

/** Why there is no result yet. */
interface Failure {
  readonly reason: string;
}

/** A run executed by the server. */
export class RemotePerformance implements Performance {
  readonly #parts: RemoteParts;
  readonly #command: Command;
  readonly #runId: RunID;
  readonly #onStatus: StatusListener;
  readonly #controller = new AbortController();
  readonly #client: RemoteClient;
  readonly #startedAt: number;
  readonly #actions: ActionBuilder;
  readonly #logs: FetchedLogs;
  #stop: End | undefined;
  /** The current request to the server; undefined if the server refused it or it is over. */
  #asked: RequestedExecution | undefined;
  /**
   * The latest request that is over or was replaced: it may have executed the action, but gave no result that counts.
   */
  #lost: RequestedExecution | undefined;
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

  constructor(parts: RemoteParts, command: Command, runId: RunID, onStatus: StatusListener) {
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
    this.#actions = new ActionBuilder(parts, this.#controller);
    this.#logs = new FetchedLogs({
      runId,
      outputs: parts.outputs,
      read: (digest) => this.#client.readStream(digest),
      checkWanted: () => this.#checkWanted(),
      recorded: (what, error) => this.#recorded(what, error),
    });
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
  get #operationName(): string | undefined {
    return this.#asked?.name;
  }

  abort(): void {
    if (this.#abort !== undefined || this.#isOver) return;
    this.#abort = this.#parts.world.clock.post(this.#topic('abort'), () => this.#stopAs(ABORTED));
  }

  async #run(): Promise<End> {
    const action = await this.#actions.build(this.#command, () => this.#salt());
    const result = await this.#execute(action);
    const { response } = result;
    const given = statusOf(result);
    const status = { ...given, message: `${given.message}${lackedText(action, given)}` };
    const outcome = response.result === null ? undefined : outcomeOf(response.result);
    if (status.code === RPC_CODES.OK && outcome !== undefined) this.#noteIfLate(outcome);
    return this.#endOf(status, outcome, response, action.digest);
  }

  /** No two runs have the same action, but the attempts of one run do, so that the server joins them. */
  #salt(): Uint8Array {
    const { world, name } = this.#parts;
    const nonce = world.random.fork(`${name} run ${this.#runId}`).uint32();
    return new TextEncoder().encode(`${name} ${this.#runId} ${nonce} ${this.#startedAt}`);
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
      await this.#logs.fetch(outcome);
      if (!cached) await this.#becomeRunning();
      return {
        state: 'COMPLETE',
        exitCode: outcome.exitCode,
        error: response.message,
        actionResult: { actionDigest, cached, result: outcome },
      };
    }
    // Servers may return output with any failure, as after a timeout, but it is no result (R194).
    if (hasPrinted(outcome)) await this.#logs.fetch(outcome);
    if (status.code === RPC_CODES.DEADLINE_EXCEEDED && this.#hasTimeout()) return TIMEDOUT;
    const isOkWithoutResult = status.code === RPC_CODES.OK;
    const grpcStatus = isOkWithoutResult ? { ...status, code: RPC_CODES.INTERNAL } : status;
    const plain = isOkWithoutResult
      ? 'the server gave no result'
      : `the server answered ${rpcCodeName(status.code)}`;
    const own = status.message === '' ? plain : status.message;
    const { exitCode, error } = this.#failureOf(own, outcome);
    return { state: 'FAILED', exitCode, error, actionResult: { actionDigest, cached: false, grpcStatus } };
  }

  /**
   * The code of a failure that came with an outcome, and its text. The server may send a code that is not a process's,
   * for clients that ignore the status, and 0 would look like success. That nothing was started is true of the last
   * attempt alone (R98).
   */
  #failureOf(error: string, outcome: ActionOutcome | undefined): { exitCode: ExitCode; error: string } {
    const isCode = outcome !== undefined && outcome.exitCode > 0;
    const exitCode = isCode ? outcome.exitCode : EXIT_CODES.POST_EXEC;
    if (this.#lost === undefined || exitCode === EXIT_CODES.POST_EXEC || !MACHINERY_CODES.has(exitCode)) {
      return { exitCode, error };
    }
    const text = `an earlier attempt may have started the action; the last one failed: ${error}`;
    return { exitCode: EXIT_CODES.POST_EXEC, error: text };
  }

  /** True if the command has a timeout, or may have one in its action, which only the server knows. */
  #hasTimeout(): boolean {
    return (this.#command.timeoutMs ?? 0) > 0 || this.#command.executeRequest !== undefined;
  }

  /** The output cannot be stored here: asks the server to stop the action, with the same bound as for an abort. */
  async #leaveAction(error: LogsNotCreatedError): Promise<void> {
    const end = this.#failure(error);
    const isUnderWay = this.#operationName !== undefined && this.#asked?.hasEnded !== true;
    if (isUnderWay) this.#stopAs(end);
    await this.#cancelling;
    this.#endLater(end);
  }

  /** FAILED; with 240 only if the action was certainly not started (R98). */
  #failure(error: unknown): End {
    const { executeRequest } = this.#command;
    const failure = rpcFailure(error);
    const last = this.#asked ?? this.#lost;
    const end = {
      state: 'FAILED',
      // Not a code that the error has, as that of a store here may: it would say what has become of the command.
      exitCode: last === undefined ? EXIT_CODES.COULD_NOT_EXEC : EXIT_CODES.POST_EXEC,
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

  /** Uploads the action, executes it, and watches until there is a result. */
  async #execute(action: BuiltAction): Promise<RemoteResult> {
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
      if (this.#operationName === undefined) {
        tries.restarts += 1;
        this.#recorded('action', attempt.reason, { isRepeated: true });
      } else this.#recorded('watch', attempt.reason);
      await this.#client.pause(tries.failures);
    }
  }

  #upload(action: BuiltAction): Promise<void> {
    return this.#client.upload(action.blobs, sourceOf(action, this.#parts.content, this.#controller));
  }

  /** Watches once; returns the result, or the reason to watch again. Throws if a retry is pointless. */
  async #attempt(action: BuiltAction, tries: Tries): Promise<RemoteResult | Failure> {
    const { retriesMax } = this.#parts;
    try {
      const result = await this.#watch(action.digest, tries);
      if (result === undefined) throw new RpcError('UNAVAILABLE', 'the watch ended without a result');
      const reason = transientFailure(result, action);
      if (reason === undefined || tries.restarts >= retriesMax) return result;
      this.#forgetExecution({ isRefused: isUnstarted(result) });
      if (lacksBlobs(result)) await this.#upload(action);
      return { reason };
    } catch (error) {
      const failure = withLacked(this.#asLost(error), action);
      const isMissing = failure.status.violations !== undefined;
      const isGone = this.#isGone(error, failure.status);
      const isRefused = isMissing || this.#isRefusal(error);
      if (isRefused || isGone || error instanceof FailedOperation) this.#forgetExecution({ isRefused });
      const failures = this.#operationName === undefined ? tries.restarts : tries.failures;
      if (failures >= retriesMax || !(isGone || isRetryable(failure, action))) throw failure;
      if (isMissing) await this.#upload(action);
      return { reason: failure.message };
    }
  }

  /** True if the server answered Execute without starting anything. */
  #isRefusal(error: unknown): boolean {
    return this.#operationName === undefined && error instanceof RpcError && REFUSALS.has(error.status.code);
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
    if (code === RPC_CODES.NOT_FOUND) return this.#operationName !== undefined;
    return error instanceof FailedOperation && code === RPC_CODES.CANCELLED;
  }

  /**
   * Calls Execute, or WaitExecution if the server has already started. Undefined if the stream ends without a result.
   */
  async #watch(actionDigest: Digest, tries: Tries): Promise<RemoteResult | undefined> {
    const { instanceName } = this.#parts;
    const { skipCacheLookup = false } = this.#command.executeRequest ?? {};
    const name = this.#operationName;
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
  #executionOf(name: string | undefined): RequestedExecution {
    if (name !== undefined && this.#asked !== undefined) return this.#asked;
    this.#lost = this.#asked ?? this.#lost;
    return (this.#asked = new RequestedExecution());
  }

  /** Applies a message about the execution; true if it shows progress. */
  async #apply(execution: RequestedExecution, { name, metadata, done }: OperationMessage): Promise<boolean> {
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
    const [stdout, stderr] = await this.#logs.open();
    if (this.#hasEnded()) return;
    this.#onStatus(runningStatus(this.#runId, stdout.uri, stderr.uri, tagsOf(this.#command)));
  }

  #hasEnded(): boolean {
    return this.#isOver;
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
    // Nothing goes on there any more: what is left are the logs, which an aborted run does not have.
    if (this.#asked?.hasEnded === true) {
      if (this.#stop?.state === 'ABORTED') this.#controller.abort();
      return;
    }
    if (this.#operationName === undefined) this.#controller.abort();
    else this.#cancelOperation();
  }

  /** Asks the server to cancel, which ends the watch. If the server cannot be reached, the bound ends the run. */
  #cancelOperation(): void {
    const name = this.#operationName;
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
    void this.#logs.end().then(() => this.#finishLater());
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
    if (this.#asked?.hasEnded === true) {
      return `the action has ended, but its logs were not brought here within ${cancelBoundMs} ms`;
    }
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

  #finish({ state, exitCode, error, actionResult }: End): void {
    const refs = state === 'ABORTED' ? { stdoutRef: '', stderrRef: '' } : this.#logs.refs;
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
