/**
 * Remote procedure calls as data: methods, the context of a call, errors. Invariant: this file is independent of the
 * transport, so the same server and client run over gRPC, and in a simulation without sockets.
 */
import type { Init, MessageCodec } from '../cas/codec.ts';
import * as is from '../kernel/shape.ts';
import { check, unreadable } from '../kernel/argument-check.ts';
import { messageOf, RunnerError, type RunnerErrorDetails } from '../kernel/errors.ts';
import { RPC_CODES, type RpcCodeName, type RpcStatus, type RpcViolation } from '../model/action.ts';
import type { RunID } from '../model/run-status.ts';

/** Which side sends a stream of messages. */
export type RpcKind = 'unary' | 'serverStream' | 'clientStream';

/** A method: its path, and the codecs of its messages. */
export interface RpcMethod<Q, A, K extends RpcKind = RpcKind> {
  /** The gRPC path: `/google.bytestream.ByteStream/Read`. */
  readonly path: string;
  readonly kind: K;
  readonly request: MessageCodec<Q>;
  readonly response: MessageCodec<A>;
}

/** The name of a method without its service: `Execute`. */
export function methodName({ path }: Pick<RpcMethod<unknown, unknown>, 'path'>): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The context of a call. */
export interface RpcContext {
  /** Aborts when the caller no longer waits: it has gone, has cancelled, or its deadline has passed. */
  readonly signal: AbortSignal;
  /**
   * Time that the caller still waits, in milliseconds from the call on, so that it is independent of clocks. Absent: no
   * limit.
   */
  readonly timeoutMs?: number;
  /** Text headers by lower-case name. */
  readonly metadata?: ReadonlyMap<string, string>;
  /** The run that the call is made for, which the faults of {@link withRemoteFaults} name. No server gets it. */
  readonly caller?: { readonly runner: string; readonly runId: RunID };
}

/**
 * A server as its callers see it, and a client's transport: calls by method. A failed call rejects, or throws from its
 * iterator, with an {@link RpcError}.
 */
export interface RemoteService {
  unary<Q, A>(method: RpcMethod<Q, A, 'unary'>, request: Q, context: RpcContext): Promise<A>;
  serverStream<Q, A>(
    method: RpcMethod<Q, A, 'serverStream'>,
    request: Q,
    context: RpcContext,
  ): AsyncIterable<A>;
  clientStream<Q, A>(
    method: RpcMethod<Q, A, 'clientStream'>,
    requests: AsyncIterable<Q>,
    context: RpcContext,
  ): Promise<A>;
}

/** Services that get messages as a receiver decodes them, with every field. */
const SERVERS = new WeakSet<object>();

/** Marks a service that only a wire may call: its clients leave fields out. */
export function markServer(service: RemoteService): void {
  SERVERS.add(service);
}

/** True for a service that only a wire may call. */
export function isServer(service: object): boolean {
  return SERVERS.has(service);
}

const NAMES = new Map<number, RpcCodeName>(
  (Object.keys(RPC_CODES) as RpcCodeName[]).map((name) => [RPC_CODES[name], name]),
);

/** The name of a code, such as `NOT_FOUND`; for an unknown number, that number. */
export function rpcCodeName(code: number): string {
  return NAMES.get(code) ?? String(code);
}

/** The name of a code by number; an unknown number is UNKNOWN, as in gRPC. */
export function rpcCodeOf(code: number): RpcCodeName {
  return NAMES.get(code) ?? 'UNKNOWN';
}

/** Details of an {@link RpcError} besides its message. */
export interface RpcErrorDetails extends RunnerErrorDetails {
  /** The missing blobs. */
  readonly violations?: readonly RpcViolation[];
}

/**
 * A failed call, with the status that its caller gets. Code `RUNNER_RPC_FAILED`.
 *
 * @example
 * ```ts
 * import { RpcError } from 'dryrunner/remote';
 * const error = new RpcError('NOT_FOUND', 'no such operation: operations/7');
 * if (error.status.code !== 5) throw error;
 * ```
 */
export class RpcError extends RunnerError {
  readonly status: RpcStatus;

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for an unknown code. */
  constructor(code: RpcCodeName, message: string, details?: RpcErrorDetails) {
    super('RUNNER_RPC_FAILED', message, details);
    check('code', code, is.oneOf(...Object.keys(RPC_CODES)));
    const violations = violationsOf(details);
    this.status = {
      code: RPC_CODES[code],
      message: this.message,
      ...(violations.length === 0 ? {} : { violations }),
    };
  }
}

function violationsOf(details: RpcErrorDetails | undefined): readonly RpcViolation[] {
  try {
    return details?.violations ?? [];
  } catch (error) {
    throw unreadable('details', details, error);
  }
}

const CODEC = is.withMethods('encode', 'decode');
/** Argument shape of an {@link RpcMethod}. */
export const RPC_METHOD: is.RecordShape = is.objectOf<RpcMethod<unknown, unknown>>(
  'a method',
  { path: is.TEXT, kind: is.oneOf('unary', 'serverStream', 'clientStream'), request: CODEC, response: CODEC },
  {},
);

type Answering<A> = Pick<RpcMethod<unknown, A>, 'response'>;

/**
 * The bytes of an answer.
 *
 * @throws RpcError `INTERNAL` for an answer that is no such message: its client has done nothing wrong.
 */
export function encodeAnswer<T>({ response }: Answering<T>, answer: T): Uint8Array {
  try {
    return response.encode(answer as Init<T>);
  } catch (cause) {
    throw new RpcError('INTERNAL', `the answer is no message: ${messageOf(cause)}`, { cause });
  }
}

/** A message as its receiver decodes it: with every field present, and shared with nobody. */
function received<T>(codec: MessageCodec<T>, message: T): T {
  return codec.decode(codec.encode(message as Init<T>));
}

async function* allReceived<T>(codec: MessageCodec<T>, messages: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const message of messages) yield received(codec, message);
}

function answered<A>(method: Answering<A>, answer: A): A {
  return method.response.decode(encodeAnswer(method, answer));
}

async function* allAnswered<A>(method: Answering<A>, answers: AsyncIterable<A>): AsyncGenerator<A> {
  for await (const answer of answers) yield answered(method, answer);
}

/**
 * Puts a service behind a fault-free wire: requests and answers are encoded and decoded, as in gRPC.
 * See {@link createRemoteService}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a service.
 */
export function overWire(service: RemoteService): RemoteService {
  check('service', service, is.withMethods('unary', 'serverStream', 'clientStream'));
  return {
    async unary(method, request, context) {
      check('method', method, RPC_METHOD);
      const sent = received(method.request, request);
      return answered(method, await service.unary(method, sent, context));
    },
    serverStream(method, request, context) {
      check('method', method, RPC_METHOD);
      const sent = received(method.request, request);
      return allAnswered(method, service.serverStream(method, sent, context));
    },
    async clientStream(method, requests, context) {
      check('method', method, RPC_METHOD);
      const sent = allReceived(method.request, requests);
      return answered(method, await service.clientStream(method, sent, context));
    },
  };
}
