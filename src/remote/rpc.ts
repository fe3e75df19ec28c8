/**
 * Remote procedure calls as data: what a method is, what a call brings along, what goes wrong. Invariant: nothing here knows how calls
 * travel, so the same server and client run over gRPC, and in a simulation without sockets.
 */
import type { Init, MessageCodec } from '../cas/codec.ts';
import * as is from '../kernel/shape.ts';
import { check, unreadable } from '../kernel/argument-check.ts';
import { RunnerError, type RunnerErrorDetails } from '../kernel/errors.ts';
import { RPC_CODES, type RpcCodeName, type RpcStatus, type RpcViolation } from '../model/action.ts';

/** Which side sends many messages. */
export type RpcKind = 'unary' | 'serverStream' | 'clientStream';

/** One method: where it is, and what goes in and out. */
export interface RpcMethod<Q, A, K extends RpcKind = RpcKind> {
  /** As gRPC has it: `/google.bytestream.ByteStream/Read`. */
  readonly path: string;
  readonly kind: K;
  readonly request: MessageCodec<Q>;
  readonly response: MessageCodec<A>;
}

/** What a call brings along. */
export interface RpcContext {
  /** Aborted when the caller no longer waits: it has gone, has cancelled, or its deadline is over. */
  readonly signal: AbortSignal;
  /** How much longer the caller waits, in milliseconds from the call on, so that it says the same on any clock. Absent: for ever. */
  readonly timeoutMs?: number;
  /** Text headers by lower-case name. */
  readonly metadata?: ReadonlyMap<string, string>;
}

/**
 * A server as who calls it sees it, and so a client's way to it: calls by method. A failed call rejects, or throws from its iterator, an
 * {@link RpcError}.
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

const NAMES = new Map<number, RpcCodeName>(
  (Object.keys(RPC_CODES) as RpcCodeName[]).map((name) => [RPC_CODES[name], name]),
);

/** The name of a code, such as `NOT_FOUND`; of another number that number. */
export function rpcCodeName(code: number): string {
  return NAMES.get(code) ?? String(code);
}

/** The code that a number stands for; a number that nobody knows is UNKNOWN, as gRPC has it. */
export function rpcCodeOf(code: number): RpcCodeName {
  return NAMES.get(code) ?? 'UNKNOWN';
}

/** What an {@link RpcError} can say beside its message. */
export interface RpcErrorDetails extends RunnerErrorDetails {
  /** Which blobs are missing. */
  readonly violations?: readonly RpcViolation[];
}

/**
 * A call that failed, with the status that its caller gets. Code `RUNNER_RPC_FAILED`.
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
/** What a call is of. */
export const RPC_METHOD: is.RecordShape = is.objectOf<RpcMethod<unknown, unknown>>(
  'a method',
  { path: is.TEXT, kind: is.oneOf('unary', 'serverStream', 'clientStream'), request: CODEC, response: CODEC },
  {},
);

/** A message as its receiver decodes it: with every field, and shared with nobody. */
function received<T>(codec: MessageCodec<T>, message: T): T {
  return codec.decode(codec.encode(message as Init<T>));
}

async function* allReceived<T>(codec: MessageCodec<T>, messages: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const message of messages) yield received(codec, message);
}

/**
 * The same service behind a wire without faults: what goes in and out is encoded and decoded, as gRPC does it. See
 * {@link createRemoteService}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a service.
 */
export function overWire(service: RemoteService): RemoteService {
  check('service', service, is.withMethods('unary', 'serverStream', 'clientStream'));
  return {
    async unary(method, request, context) {
      check('method', method, RPC_METHOD);
      const sent = received(method.request, request);
      return received(method.response, await service.unary(method, sent, context));
    },
    serverStream(method, request, context) {
      check('method', method, RPC_METHOD);
      const sent = received(method.request, request);
      return allReceived(method.response, service.serverStream(method, sent, context));
    },
    async clientStream(method, requests, context) {
      check('method', method, RPC_METHOD);
      const sent = allReceived(method.request, requests);
      return received(method.response, await service.clientStream(method, sent, context));
    },
  };
}
