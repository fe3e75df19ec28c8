/**
 * Records the calls of a remote client in the trace, in the form of calls between nodes: a history then shows which call
 * got which answer. Invariants: of each call the trace has the start and at most one end, which comes before what the
 * client makes of it; a call is recorded in the turns that it takes anyway; words are made only for a trace that is kept.
 */
import { rpcStatusOf } from '../cas/action-messages.ts';
import { EXECUTION_STAGES, MESSAGES, type Messages, type OperationMessage, unpackAny } from '../cas/codec.ts';
import type { RandomStream } from '../kernel/random.ts';
import { RPC_CODES } from '../model/action.ts';
import { digestKey, shortHash } from '../model/digest.ts';
import { REMOTE_SERVER } from '../model/message-text.ts';
import { counted } from '../model/plural.ts';
import type { MessageKind, MessageStep, Tracer } from '../model/trace-event.ts';
import type { World } from '../model/world.ts';
import { boundedText } from './bounded-text.ts';
import { instanceOfResource } from './resource-name.ts';
import { rpcFailure } from './rpc-failure.ts';
import { methodName, rpcCodeName, type RpcMethod } from './rpc.ts';

/** Maximum number of calls of a process whose ids are certainly those of no other process. */
const IDS_OF_PROCESS = 2 ** 20;

/** The last id given in a process. Each process has a random stream of its own, which its clients share. */
interface LastId {
  id: number;
}

const LAST_IDS = new WeakMap<RandomStream, LastId>();

/** Above the ids of a network's messages: a number drawn by the process, and how many calls it has made before. */
function lastIdOf({ random }: World): LastId {
  let last = LAST_IDS.get(random);
  if (last === undefined) {
    last = { id: (1 + random.fork('ids of remote calls').uint32()) * IDS_OF_PROCESS };
    LAST_IDS.set(random, last);
  }
  return last;
}

/** Records the calls that a client makes for a run; without a `runId`, for none that is known. */
export class CallTrace {
  readonly world: World;
  readonly tracer: Tracer;
  readonly client: string;
  readonly runId: string | undefined;
  readonly #lastId: LastId;

  constructor(world: World, tracer: Tracer, client: string, runId?: string) {
    this.world = world;
    this.tracer = tracer;
    this.client = client;
    this.runId = runId;
    this.#lastId = lastIdOf(world);
  }

  /** Records that a call is made. A request that is a stream is described by its first message. */
  begin(method: Pick<RpcMethod<unknown, unknown>, 'path'>, request: unknown): TracedCall {
    this.#lastId.id += 1;
    return new TracedCall(this, methodName(method), this.#lastId.id, request);
  }
}

/** A call in flight. */
export class TracedCall {
  readonly #calls: CallTrace;
  readonly #name: string;
  readonly #id: number;
  #isOver = false;
  /** What a stream has brought so far. */
  #bytes = 0;
  #operation: OperationMessage | undefined;

  constructor(calls: CallTrace, name: string, id: number, request: unknown) {
    this.#calls = calls;
    this.#name = name;
    this.#id = id;
    const detail = this.#isKept() ? argumentsText(calls.runId, request) : '';
    this.#record('call', 'sent', detail);
  }

  /** Notes what a stream of bytes has brought. */
  takeBytes(count: number): void {
    this.#bytes += count;
  }

  /** Notes what is known of an execution; its result is the end of the call, whatever comes after it. */
  takeOperation(operation: OperationMessage): void {
    this.#operation = operation;
    if (operation.done) this.end();
  }

  /** Records the answer of a call that has a single one. */
  reply(answer: unknown): void {
    if (this.#isOver) return;
    this.#over('reply', this.#isKept() ? readable(() => answerText(answer)) : '');
  }

  /** Records that a stream has come to its end. */
  end(): void {
    if (this.#isOver) return;
    this.#over('reply', this.#isKept() ? readable(() => this.#streamText()) : '');
  }

  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#over('error', this.#isKept() ? readable(() => this.#failureText(error)) : '');
  }

  /** Records that the client takes no more answers. */
  leave(): void {
    if (this.#isOver) return;
    this.#over('error', this.#isKept() ? readable(() => `left by its client${this.#after()}`) : '');
  }

  #isKept(): boolean {
    return this.#calls.tracer.keepsEvents === true;
  }

  #streamText(): string {
    if (!isExecution(this.#name)) return `${this.#bytes} B`;
    return this.#operation?.done === true ? this.#reached() : `no result${this.#after()}`;
  }

  #failureText(error: unknown): string {
    return `${failureText(error)}${this.#after()}`;
  }

  #after(): string {
    const reached = this.#reached();
    return reached === '' ? '' : `, after ${reached}`;
  }

  #reached(): string {
    if (this.#operation !== undefined) return operationText(this.#operation);
    return this.#bytes === 0 ? '' : `${this.#bytes} B`;
  }

  #over(kind: MessageKind, detail: string): void {
    this.#isOver = true;
    this.#record(kind, 'delivered', detail);
  }

  #record(kind: MessageKind, step: MessageStep, detail: string): void {
    const { world, tracer, client } = this.#calls;
    const isCall = kind === 'call';
    const event = {
      at: world.clock.now(),
      type: 'message',
      runner: isCall ? client : REMOTE_SERVER,
      to: isCall ? REMOTE_SERVER : client,
      step,
      kind,
      name: this.#name,
      id: this.#id,
    } as const;
    tracer.record(detail === '' ? event : { ...event, detail });
  }
}

/** The words, with short names of blobs. What is wrong with an answer is reported by the client, which gets it too. */
function readable(inWords: () => string): string {
  try {
    return inWords().replace(WHOLE_HASH, '$1');
  } catch {
    return 'something that cannot be read';
  }
}

const WHOLE_HASH = /\b([0-9a-f]{8})[0-9a-f]{56}\b/g;

/** True for a method whose answers are states of an execution. */
export function isExecution(name: string): boolean {
  return name === 'Execute' || name === 'WaitExecution';
}

/** The fields of requests that say what a call is about. */
type Request = Partial<
  Messages['ExecuteRequest'] &
    Messages['WaitExecutionRequest'] &
    Messages['FindMissingBlobsRequest'] &
    Pick<Messages['BatchUpdateBlobsRequest'], 'requests'> &
    Messages['ReadRequest']
>;

/** What a call is about, in a few words; one about an execution names its run. */
function argumentsText(runId: string | undefined, request: unknown): string {
  const { actionDigest, name: operation } = (request ?? {}) as Request;
  const about = requestText(request);
  const isOfRun = Boolean(actionDigest) || operation !== undefined;
  return isOfRun && runId !== undefined ? `run ${runId}, ${about}` : about;
}

/** The name of the instance that a request is for; empty for the default one, and where the request names none. */
export function instanceOf(request: unknown): string {
  const { instanceName, resourceName } = (request ?? {}) as Request;
  return instanceName ?? instanceOfResource(resourceName ?? '');
}

/** A call in words: `Read(blob 1a2b3c4d)`. */
export function callText(method: Pick<RpcMethod<unknown, unknown>, 'path'>, request: unknown): string {
  const about = requestText(request);
  return about === '' ? methodName(method) : `${methodName(method)}(${about})`;
}

/** Why a call has failed, in words: `UNAVAILABLE: …`. */
export function failureText(error: unknown): string {
  const { code, message } = rpcFailure(error).status;
  return readable(() => `${rpcCodeName(code)}: ${message}`);
}

/** What a request is about, in a few words; empty if it says nothing about that. */
export function requestText(request: unknown): string {
  return readable(() => subjectText(request));
}

function subjectText(request: unknown): string {
  const { actionDigest, name: operation, blobDigests, requests, resourceName } = (request ?? {}) as Request;
  if (actionDigest) return `action ${shortHash(actionDigest)}`;
  if (operation !== undefined) return boundedText(operation);
  if (blobDigests !== undefined) return counted(blobDigests.length, 'blob');
  if (requests !== undefined) return counted(requests.length, 'blob');
  const [, hash] = /blobs\/([0-9a-f]{8})/.exec(resourceName ?? '') ?? [];
  return hash === undefined ? '' : `blob ${hash}`;
}

/** The fields of single answers that say what a call has come to. */
type Answer = Partial<
  Messages['FindMissingBlobsResponse'] & Messages['BatchUpdateBlobsResponse'] & Messages['WriteResponse']
>;

/** What a call with a single answer has come to, in a few words. */
function answerText(answer: unknown): string {
  const { missingBlobDigests, responses, committedSize } = answer as Answer;
  if (missingBlobDigests !== undefined) {
    const missing = missingBlobDigests.length;
    return missing === 0 ? 'none missing' : `${missing} missing`;
  }
  if (responses !== undefined) {
    const failed = responses.flatMap(({ status }) => (status?.code ? [rpcCodeName(status.code)] : []));
    return failed.length === 0 ? 'OK' : `${counted(failed.length, 'blob')} not taken: ${failed[0]}`;
  }
  return committedSize === undefined ? 'OK' : `${committedSize} B`;
}

const STAGES = new Map(Object.entries(EXECUTION_STAGES).map(([name, stage]) => [stage as number, name]));

/** The state of an execution, and its result if it has one. */
function operationText(operation: OperationMessage): string {
  const { name, metadata, done } = operation;
  const { stage = 0 } = unpackAny(MESSAGES.ExecuteOperationMetadata, metadata) ?? {};
  return `${done ? resultText(operation) : (STAGES.get(stage) ?? String(stage))} as ${name}`;
}

/** What is known of an execution from what its client was sent last. */
export interface ExecutionOutcome {
  /** `HASH/SIZE`; absent if the server did not say. */
  readonly action?: string;
  /** The result in words: `exit code 3`, `DEADLINE_EXCEEDED (…)`. Absent as long as there is none. */
  readonly outcome?: string;
  /** Absent without a result, and for an action that failed without one. */
  readonly exitCode?: number;
}

/** What a message about an execution says of it. */
export function executionOutcome(operation: OperationMessage): ExecutionOutcome {
  const { actionDigest } = unpackAny(MESSAGES.ExecuteOperationMetadata, operation.metadata) ?? {};
  const action = actionDigest ? { action: digestKey(actionDigest) } : {};
  if (!operation.done) return action;
  const { status, result } = unpackAny(MESSAGES.ExecuteResponse, operation.response) ?? {};
  const isOk = operation.error === undefined && (!status || status.code === RPC_CODES.OK);
  const exitCode = isOk && result ? { exitCode: result.exitCode } : {};
  return { ...action, outcome: resultText(operation), ...exitCode };
}

function resultText({ response, error }: OperationMessage): string {
  const { status, result, cachedResult } = unpackAny(MESSAGES.ExecuteResponse, response) ?? {};
  const failure = error ?? status;
  if (failure && failure.code !== RPC_CODES.OK) {
    const { code, message } = rpcStatusOf(failure);
    return message === '' ? rpcCodeName(code) : `${rpcCodeName(code)} (${message})`;
  }
  if (!result) return 'no result';
  return `exit code ${result.exitCode}${cachedResult === true ? ' of the cache' : ''}`;
}
