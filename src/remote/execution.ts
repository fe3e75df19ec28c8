/**
 * Actions that a server carries out, as operations that clients watch. Invariants: an action that is under way is not started again for
 * another client; an operation that nobody watches any more is aborted, and one that has ended can still be asked for; each
 * watcher sees the stages in order and the result last.
 */
import { soundDigest, statusMessage, outcomeMessage } from '../cas/action-messages.ts';
import {
  type ActionResultMessage,
  EXECUTION_STAGES,
  type ExecuteRequestMessage,
  type Init,
  MESSAGES,
  type OperationMessage,
  packAny,
} from '../cas/codec.ts';
import type { Timer } from '../kernel/clock.ts';
import { namedTopic } from '../kernel/question.ts';
import { isRunnerError, messageOf } from '../kernel/errors.ts';
import { RPC_CODES, type ExecuteRequest, type RpcCode, type RpcStatus } from '../model/action.ts';
import { digestKey, snapshotOfDigest, type Digest } from '../model/digest.ts';
import type { BlobHold } from '../model/content-store.ts';
import type { Command } from '../model/command.ts';
import type { RunID, RunStatus } from '../model/run-status.ts';
import { isTerminal, type RunState, TERMINAL_STATES } from '../model/run-state.ts';
import { DONE_MASK, maskForState, type StateMask } from '../model/state-mask.ts';
import { singleStatus } from '../model/status-lookup.ts';
import { waitForever } from '../model/query.ts';
import type { Service } from '../model/service.ts';
import type { World } from '../model/world.ts';
import { rpcFailure } from './rpc-failure.ts';
import { RpcError, type RpcContext } from './rpc.ts';

/** A stage by its number. */
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

/** The stage of an operation whose run has that state (R196). */
function stageOf(state: RunState | undefined): Stage {
  return state === undefined ? EXECUTION_STAGES.UNKNOWN : STAGES[state];
}

/** How a run went, for who asked for it remotely (R196). */
function statusOfRun({ state, error, actionResult }: RunStatus): RpcStatus {
  return actionResult?.grpcStatus ?? { code: CODES[state], message: WORDS[state] ?? error };
}

const WORDS: Partial<Readonly<Record<RunState, string>>> = {
  ABORTED: 'the action was aborted',
  TIMEDOUT: 'the action took longer than its timeout',
};

/** How the result of an operation goes out: one that was cancelled as its error, all else as its response (R196). */
function resultOfRun(status: RunStatus): Pick<Init<OperationMessage>, 'error' | 'response'> {
  const rpcStatus = statusMessage(statusOfRun(status));
  if (rpcStatus.code === RPC_CODES.CANCELLED) return { error: rpcStatus };
  const { actionResult } = status;
  const response = packAny(MESSAGES.ExecuteResponse, {
    result: resultMessage(status),
    cachedResult: actionResult?.cached ?? false,
    status: rpcStatus,
    message: status.error,
  });
  return { response };
}

/** Of a run that FAILED, the code of the machinery goes along: the protocol has no other place for it. */
function resultMessage({ state, exitCode, actionResult }: RunStatus): Init<ActionResultMessage> | null {
  if (state === 'FAILED') return { exitCode };
  return actionResult?.result === undefined ? null : outcomeMessage(actionResult.result);
}

const RUNNING_OR_DONE: StateMask = maskForState('RUNNING', ...TERMINAL_STATES);

/** One action that is being carried out, or has been. */
class Execution {
  readonly name: string;
  readonly #actionDigest: Digest;
  #stage: Stage = EXECUTION_STAGES.QUEUED;
  #result: Pick<Init<OperationMessage>, 'error' | 'response'> | undefined;
  #version = 0;
  #changed: (() => void)[] = [];
  /** Of those who watch. */
  watchers = 0;
  /** Once a runner has it. */
  run: { readonly runner: Service; readonly runId: RunID } | undefined;
  /** While it waits for one: takes it out of the queue. */
  drop: (() => void) | undefined;

  constructor(name: string, actionDigest: Digest) {
    this.name = name;
    this.#actionDigest = actionDigest;
  }

  get isDone(): boolean {
    return this.#result !== undefined;
  }

  message(): OperationMessage {
    const metadata = packAny(MESSAGES.ExecuteOperationMetadata, {
      stage: this.#stage,
      actionDigest: this.#actionDigest,
    });
    return { name: this.name, metadata, done: this.isDone, ...this.#result } as OperationMessage;
  }

  enter(stage: Stage): void {
    if (stage === this.#stage || this.isDone) return;
    this.#stage = stage;
    this.#notify();
  }

  end(result: Pick<Init<OperationMessage>, 'error' | 'response'>): void {
    if (this.isDone) return;
    this.#stage = EXECUTION_STAGES.COMPLETED;
    this.#result = result;
    this.#notify();
  }

  /** What it is now, and then whatever it becomes, up to its end or that of the watcher. */
  async *states(signal: AbortSignal): AsyncGenerator<OperationMessage> {
    let seen = -1;
    while (!signal.aborted) {
      if (seen === this.#version) {
        await this.#change(signal);
        continue;
      }
      seen = this.#version;
      // What is given here decides, as more may happen while the watcher looks at it.
      const message = this.message();
      yield message;
      if (message.done) return;
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        signal.removeEventListener('abort', settle);
        resolve();
      };
      signal.addEventListener('abort', settle);
      this.#changed.push(settle);
    });
  }

  #notify(): void {
    this.#version += 1;
    const waiting = this.#changed;
    this.#changed = [];
    for (const settle of waiting) settle();
  }
}

/** An action that can be run. */
export interface PreparedAction {
  /** Of all that it needs. */
  readonly hold: BlobHold;
  /** What it runs; the runner reads it anew, but takes no command without a program. */
  readonly argv: readonly string[];
  /** Others that ask for the same may have its result. */
  readonly isShared: boolean;
}

/** What {@link Executions} are made of. */
export interface ExecutionsOptions {
  /** One that queues by itself, or several that have one action each at a time. */
  readonly runner: Service | readonly Service[];
  /** How many actions may wait for one of several runners. */
  readonly queueMax: number;
  /** Names the operations. */
  readonly name: string;
  /** An operation that nobody has watched for this long is aborted. */
  readonly abandonedAfterMs: number;
  /** How many that have ended can still be asked for. */
  readonly endedMax: number;
  /** Checks an action before it is offered to the runner, and keeps what it needs. */
  readonly prepare: (action: Digest, context: RpcContext) => Promise<PreparedAction>;
}

/** An action that waits for a runner. */
interface Offer {
  /** Nobody wants it any more. */
  isDropped: boolean;
  readonly taken: (runner: Service) => void;
}

/** Gives commands to runners: to one at once, to several as soon as one of them has nothing to do. */
class Workers {
  readonly #only: Service | undefined;
  readonly #free: Service[];
  readonly #queue: Offer[] = [];
  readonly #queueMax: number;

  constructor({ runner, queueMax }: ExecutionsOptions) {
    this.#only = Array.isArray(runner) ? undefined : (runner as Service);
    this.#free = Array.isArray(runner) ? [...(runner as readonly Service[])] : [];
    this.#queueMax = queueMax;
  }

  get queued(): number {
    return this.#queue.filter(({ isDropped }) => !isDropped).length;
  }

  /** `taken` gets the runner, now or later. Throws `RESOURCE_EXHAUSTED` if too many wait. */
  offer(taken: (runner: Service) => void): Offer {
    const runner = this.#only ?? this.#free.shift();
    const offer = { isDropped: false, taken };
    if (runner !== undefined) taken(runner);
    else if (this.queued < this.#queueMax) this.#queue.push(offer);
    else throw new RpcError('RESOURCE_EXHAUSTED', `the queue is full: ${this.#queueMax} actions wait`);
    return offer;
  }

  /** That runner has nothing to do. */
  free(runner: Service): void {
    if (this.#only !== undefined) return;
    let next = this.#queue.shift();
    while (next?.isDropped === true) next = this.#queue.shift();
    if (next === undefined) this.#free.push(runner);
    else next.taken(runner);
  }
}

/** See above. */
export class Executions {
  readonly #world: World;
  readonly #options: ExecutionsOptions;
  readonly #all = new Map<string, Execution>();
  /** Those that another client may join, by instance and action. */
  readonly #shared = new Map<string, Execution>();
  readonly #ended: string[] = [];
  readonly #abandoned = new Map<Execution, Timer>();
  readonly #workers: Workers;
  #count = 0;

  constructor(world: World, options: ExecutionsOptions) {
    this.#world = world;
    this.#options = options;
    this.#workers = new Workers(options);
  }

  /** How many are under way, those that wait included. */
  get active(): number {
    return this.#all.size - this.#ended.length;
  }

  /** How many wait for one of several runners. */
  get queued(): number {
    return this.#workers.queued;
  }

  async *execute(message: ExecuteRequestMessage, context: RpcContext): AsyncGenerator<OperationMessage> {
    const actionDigest = soundDigest('action_digest', message.actionDigest);
    const { instanceName, skipCacheLookup, executionPolicy } = message;
    const key = `${instanceName} ${digestKey(actionDigest)}`;
    // Who asks for the action to be done anew does not want what others have begun.
    const joined = skipCacheLookup ? undefined : this.#shared.get(key);
    const execution =
      joined ??
      (await this.#start(key, context, {
        actionDigest,
        skipCacheLookup,
        instanceName,
        queuedAtMs: this.#world.clock.epochMs + this.#world.clock.now(),
        priority: executionPolicy?.priority ?? 0,
      }));
    yield* this.#watch(execution, context.signal);
  }

  async *wait(name: string, context: RpcContext): AsyncGenerator<OperationMessage> {
    yield* this.#watch(this.#named(name), context.signal);
  }

  get(name: string): OperationMessage {
    return this.#named(name).message();
  }

  list(): OperationMessage[] {
    return [...this.#all.values()].map((execution) => execution.message());
  }

  cancel(name: string): void {
    this.#abort(this.#named(name));
  }

  /** Forgets one that has ended; one that is under way goes on. */
  delete(name: string): void {
    if (!this.#named(name).isDone) return;
    this.#all.delete(name);
    this.#ended.splice(this.#ended.indexOf(name), 1);
  }

  /** Those that are under way are aborted, and nobody waits for them any more. */
  close(): void {
    for (const timer of this.#abandoned.values()) timer.cancel();
    this.#abandoned.clear();
    for (const execution of this.#all.values()) this.#abort(execution);
  }

  #named(name: string): Execution {
    const execution = this.#all.get(name);
    if (execution === undefined) {
      throw new RpcError('NOT_FOUND', `no operation with the name ${JSON.stringify(name)}`);
    }
    return execution;
  }

  async #start(key: string, context: RpcContext, request: ExecuteRequest): Promise<Execution> {
    const { hold, argv, isShared } = await this.#options.prepare(request.actionDigest, context);
    try {
      // Another client may have asked for the same meanwhile.
      const joined = request.skipCacheLookup === true ? undefined : this.#shared.get(key);
      if (joined !== undefined) {
        hold.release();
        return joined;
      }
      const name = `operations/${this.#options.name}-${++this.#count}`;
      const execution = new Execution(name, request.actionDigest);
      this.#all.set(name, execution);
      if (isShared) this.#shared.set(key, execution);
      await this.#offer(key, execution, hold, {
        argv,
        snapshotId: snapshotOfDigest(request.actionDigest),
        executeRequest: request,
      });
      return execution;
    } catch (error) {
      hold.release();
      throw error;
    }
  }

  /** Over once it waits, or a runner has taken it; fails if none will. */
  async #offer(key: string, execution: Execution, hold: BlobHold, command: Command): Promise<void> {
    let accepted: Promise<void> | undefined;
    const over = (): void => {
      hold.release();
      this.#retire(key, execution);
    };
    try {
      const offer = this.#workers.offer((runner) => {
        execution.drop = undefined;
        const carried = this.#carryOut(execution, runner, command);
        accepted = carried.accepted;
        void carried.ended.finally(() => {
          this.#workers.free(runner);
          over();
        });
      });
      if (accepted === undefined) {
        execution.drop = () => {
          offer.isDropped = true;
          over();
        };
      }
      await accepted;
    } catch (error) {
      this.#forget(key, execution);
      throw rpcFailure(error);
    }
  }

  /** Sees a run through to its end; what goes wrong on the way is the end. */
  #carryOut(
    execution: Execution,
    runner: Service,
    command: Command,
  ): { readonly accepted: Promise<void>; readonly ended: Promise<void> } {
    const started = runner.run(command);
    const accepted = started.then(({ runId }) => {
      execution.run = { runner, runId };
    });
    const follow = async (): Promise<void> => {
      try {
        const first = await started;
        let status = first;
        let states = RUNNING_OR_DONE;
        while (!isTerminal(status.state)) {
          execution.enter(stageOf(status.state));
          if (status.state === 'RUNNING') states = DONE_MASK;
          const query = { runs: [first.runId], states };
          status = singleStatus(await runner.query(query, waitForever())).status;
        }
        execution.end(resultOfRun(status));
      } catch (error) {
        const { status } = rpcFailure(error);
        execution.end({ response: packAny(MESSAGES.ExecuteResponse, { status: statusMessage(status) }) });
      }
    };
    return { accepted, ended: follow() };
  }

  async *#watch(execution: Execution, signal: AbortSignal): AsyncGenerator<OperationMessage> {
    execution.watchers += 1;
    this.#abandoned.get(execution)?.cancel();
    this.#abandoned.delete(execution);
    try {
      yield* execution.states(signal);
    } finally {
      execution.watchers -= 1;
      if (execution.watchers === 0 && !execution.isDone) this.#abandon(execution);
    }
  }

  /** A client whose connection broke comes back and waits on; one that has gone does not. */
  #abandon(execution: Execution): void {
    const { abandonedAfterMs, name } = this.#options;
    const topic = namedTopic(name, 'abandons', execution.name);
    const timer = this.#world.clock.timer(topic, abandonedAfterMs, () => {
      this.#abandoned.delete(execution);
      this.#abort(execution);
    });
    this.#abandoned.set(execution, timer);
  }

  #abort(execution: Execution): void {
    if (execution.isDone) return;
    const { run, drop } = execution;
    if (run === undefined) {
      if (drop === undefined) return;
      drop();
      execution.end({
        error: statusMessage({ code: RPC_CODES.CANCELLED, message: 'the action was aborted' }),
      });
      return;
    }
    // Its end comes by its status; what is unknown or released has ended.
    run.runner.abort(run.runId).catch((error: unknown) => {
      if (!isRunnerError(error)) {
        execution.end({ error: { code: RPC_CODES.INTERNAL, message: messageOf(error) } });
      }
    });
  }

  #forget(key: string, execution: Execution): void {
    this.#all.delete(execution.name);
    if (this.#shared.get(key) === execution) this.#shared.delete(key);
  }

  #retire(key: string, execution: Execution): void {
    this.#abandoned.get(execution)?.cancel();
    this.#abandoned.delete(execution);
    if (this.#shared.get(key) === execution) this.#shared.delete(key);
    if (this.#all.get(execution.name) !== execution) return;
    this.#ended.push(execution.name);
    while (this.#ended.length > this.#options.endedMax) this.#all.delete(this.#ended.shift() ?? '');
  }
}
