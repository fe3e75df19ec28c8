/**
 * A server of the Remote Execution API, reached over gRPC, as a {@link RemoteService}. Invariant: a call that fails
 * rejects with an {@link RpcError} that has the status from the server; aborting a call's signal cancels it on the
 * server too.
 */
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import * as is from '../../kernel/shape.ts';
import type * as grpcJs from '@grpc/grpc-js';
import type { CallOptions, ChannelCredentials, Client, Metadata, ServiceError } from '@grpc/grpc-js';
import { rpcStatusOf } from '../../cas/action-messages.ts';
import { type MessageCodec, MESSAGES } from '../../cas/codec.ts';
import { check } from '../../kernel/argument-check.ts';
import { invalidArgument, messageOf } from '../../kernel/errors.ts';
import type { RpcStatus } from '../../model/action.ts';
import { backOffMs, LONGEST_BACK_OFF_MS } from '../../model/back-off.ts';
import {
  type RemoteService,
  type RpcContext,
  RpcError,
  type RpcMethod,
  rpcCodeOf,
} from '../../remote/rpc.ts';
import { KEEPALIVE, keepaliveOptions } from './keepalive.ts';
import { loadGrpc, refuseGrpcInSimulation } from './load-grpc.ts';

/** The address of a server, and how to authenticate. */
export interface ConnectRemoteOptions {
  /** `grpc://HOST:PORT`, or `grpcs://HOST:PORT` with TLS, whose port is 443 by default. */
  readonly endpoint: string;
  /**
   * Certificate authorities that may sign the server's certificate, PEM; only with `grpcs://`. Default: those that the
   * machine trusts.
   */
  readonly tlsCa?: Uint8Array | string | undefined;
  /** Token to send as `authorization: Bearer TOKEN`. Default: none. */
  readonly token?: string | undefined;
  /**
   * While a call is under way, asks the server this often whether it is there, and ends all calls as `UNAVAILABLE` if it
   * does not answer within as much time, or within 20 s if that is less. Default 300,000: many servers close the
   * connection of a client that asks more often.
   */
  readonly keepaliveMs?: number;
}

/**
 * The TLS server name for a server that is given by its IP address. TLS allows no addresses there: gRPC would send the
 * address, and from Node 26 on that fails. Servers ignore a name that they do not know.
 */
const NO_SERVER_NAME = 'address.invalid';
/** What servers of gRPC accept by default. */
const KEEPALIVE_MS = 300_000;
const PORT_MAX = 65_535;
/** The host is a name or an address, an IPv6 one in brackets. */
const ENDPOINT = /^(grpcs?):\/\/((?:\[[\da-zA-Z:.%]+\]|[^\s/:@?#%[\]]+)(?::(\d+))?)\/?$/;

/** What is expected instead of an invalid endpoint or port; undefined if the endpoint is usable. */
export function endpointProblem(endpoint: string): string | undefined {
  const parts = ENDPOINT.exec(endpoint);
  if (parts === null) return 'grpc://HOST:PORT or grpcs://HOST:PORT';
  const [, scheme, address = '', port = '443'] = parts;
  // Without a port, gRPC would assume that of TLS, where no unencrypted server listens.
  if (scheme === 'grpc' && parts[3] === undefined) return `a port, as in grpc://${address}:8980`;
  return Number(port) < 1 || Number(port) > PORT_MAX ? `a port from 1 to ${PORT_MAX}` : undefined;
}

const OPTIONS = is.optionsOf<ConnectRemoteOptions>(
  { endpoint: is.TEXT },
  { tlsCa: is.ANY, token: is.text('a token', /^[\x21-\x7e]+$/), keepaliveMs: KEEPALIVE },
);

/** A call begins only if it can also be ended. */
const CONTEXT = is.objectOf<RpcContext>(
  'the context of a call',
  { signal: is.ABORT_SIGNAL },
  { timeoutMs: is.NUMBER, metadata: is.instanceOf('a Map', Map), caller: is.ANY },
);
const METHOD = is.objectOf<RpcMethod<unknown, unknown>>(
  'a method of REMOTE_METHODS',
  {
    path: is.TEXT,
    kind: is.oneOf('unary', 'serverStream', 'clientStream'),
    ...is.each(['request', 'response'], is.withMethods('encode', 'decode')),
  },
  {},
);

/** A connection to a server. */
export interface RemoteConnection extends RemoteService {
  /** Closes the connection, and ends the calls on it: they are `CANCELLED`, and later ones `UNAVAILABLE`. */
  close(): void;
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
/** The part that all kinds of grpc-js calls share. */
type AnyCall = Pick<grpcJs.ClientUnaryCall, 'cancel'>;

class GrpcConnection implements RemoteConnection {
  readonly #grpc: typeof grpcJs;
  readonly #client: Client;
  readonly #token: string | undefined;
  /** The calls that have not ended. */
  readonly #calls = new Set<AnyCall>();
  #isClosed = false;

  constructor(
    grpc: typeof grpcJs,
    { endpoint, tlsCa, token, keepaliveMs = KEEPALIVE_MS }: ConnectRemoteOptions,
  ) {
    const [, scheme, address = ''] = ENDPOINT.exec(endpoint) ?? [];
    this.#grpc = grpc;
    this.#token = token;
    const isTls = scheme === 'grpcs';
    const ip = isTls ? ipAddressIn(address) : undefined;
    this.#client = new grpc.Client(address, credentialsFor(grpc, isTls, tlsCa, ip), {
      ...(ip === undefined ? {} : { 'grpc.ssl_target_name_override': NO_SERVER_NAME }),
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      // Node ends a session, with all calls on it, when too many of its calls are cancelled at once.
      'grpc.use_local_subchannel_pool': 1,
      // A call is repeated after as long, and fails without a new attempt to connect while gRPC pauses.
      'grpc.initial_reconnect_backoff_ms': backOffMs(1),
      'grpc.max_reconnect_backoff_ms': LONGEST_BACK_OFF_MS,
      ...keepaliveOptions(keepaliveMs),
    });
  }

  close(): void {
    this.#isClosed = true;
    // gRPC lets the calls go on that have begun.
    for (const call of [...this.#calls]) call.cancel();
    this.#client.close();
  }

  unary<Q, A>(method: RpcMethod<Q, A, 'unary'>, request: Q, context: RpcContext): Promise<A> {
    return new Promise((resolve, reject) => {
      this.#checkCall(method, context);
      const { path, request: q, response } = method;
      const call = this.#client.makeUnaryRequest(
        path,
        encoderOf(q),
        decoderOf(response),
        request,
        this.#metadata(context),
        this.#options(context),
        (error, answer) => {
          leave();
          if (error === null) resolve(answer as A);
          else reject(failureOf(error));
        },
      );
      const leave = this.#begun(call, context);
    });
  }

  async *serverStream<Q, A>(
    method: RpcMethod<Q, A, 'serverStream'>,
    request: Q,
    context: RpcContext,
  ): AsyncGenerator<A> {
    this.#checkCall(method, context);
    const { path, request: q, response } = method;
    const call = this.#client.makeServerStreamRequest(
      path,
      encoderOf(q),
      decoderOf(response),
      request,
      this.#metadata(context),
      this.#options(context),
    );
    const leave = this.#begun(call, context);
    try {
      for await (const answer of call) yield answer as A;
    } catch (error) {
      throw failureOf(error);
    } finally {
      leave();
      call.cancel();
    }
  }

  clientStream<Q, A>(
    method: RpcMethod<Q, A, 'clientStream'>,
    requests: AsyncIterable<Q>,
    context: RpcContext,
  ): Promise<A> {
    return new Promise((resolve, reject) => {
      this.#checkCall(method, context);
      const { path, request: q, response } = method;
      let isAnswered = false;
      const call = this.#client.makeClientStreamRequest(
        path,
        encoderOf(q),
        decoderOf(response),
        this.#metadata(context),
        this.#options(context),
        (error, answer) => {
          isAnswered = true;
          leave();
          if (error === null) resolve(answer as A);
          else reject(failureOf(error));
        },
      );
      const leave = this.#begun(call, context);
      const send = async (): Promise<void> => {
        for await (const message of requests) {
          // The server may have answered without needing the rest.
          if (isAnswered) return;
          if (!call.write(message)) await drainedOrOver(call);
        }
        call.end();
      };
      send().catch((error: unknown) => {
        if (isAnswered) return;
        reject(failureOf(error));
        call.cancel();
      });
    });
  }

  /** @throws RunnerError `RUNNER_OUTSIDE_CALL` or `RUNNER_INVALID_ARGUMENT`; RpcError `UNAVAILABLE`. */
  #checkCall(method: RpcMethod<unknown, unknown>, context: RpcContext): void {
    refuseGrpcInSimulation('a connection of connectRemote');
    check('method', method, METHOD);
    check('context', context, CONTEXT);
    if (this.#isClosed) throw new RpcError('UNAVAILABLE', 'the connection was closed here');
  }

  /** Lets the signal, and the end of the connection, cancel the call until the returned function is called. */
  #begun(call: AnyCall, { signal }: RpcContext): () => void {
    const cancel = (): void => call.cancel();
    this.#calls.add(call);
    signal.addEventListener('abort', cancel);
    if (signal.aborted) cancel();
    return () => {
      this.#calls.delete(call);
      signal.removeEventListener('abort', cancel);
    };
  }

  #metadata({ metadata = new Map() }: RpcContext): Metadata {
    const sent = new this.#grpc.Metadata();
    for (const [name, value] of metadata) sent.set(name, value);
    if (this.#token !== undefined) sent.set('authorization', `Bearer ${this.#token}`);
    return sent;
  }

  #options({ timeoutMs }: RpcContext): CallOptions {
    return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
  }
}

/** Resolves when more can be sent, or the call has ended. */
function drainedOrOver(call: Pick<NodeJS.EventEmitter, 'on' | 'off'>): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      call.off('drain', settle);
      call.off('status', settle);
      resolve();
    };
    call.on('drain', settle);
    call.on('status', settle);
  });
}

function encoderOf<T>(codec: MessageCodec<T>): (message: T) => Buffer {
  return (message) => asBuffer(codec.encode(message as never));
}

function decoderOf<T>(codec: MessageCodec<T>): (bytes: Buffer) => T {
  return (bytes) => codec.decode(bytes);
}

/**
 * What gRPC says of a stream that was reset, such as by a proxy, before there was a status: nobody knows what has become
 * of its call. The codes that it makes up for that would be refusals if a server gave them.
 */
const RESET =
  /^(Received RST_STREAM with code |Bandwidth exhausted or memory limit exceeded$|Protocol not secure enough$)/;

function failureOf(error: unknown): unknown {
  const { code, details, metadata } = (error ?? {}) as Partial<ServiceError>;
  if (typeof code !== 'number') return error;
  const text = details ?? messageOf(error);
  if (RESET.test(text)) {
    return new RpcError('UNAVAILABLE', `the server broke off the call: ${text}`, { cause: error });
  }
  const violations = violationsIn(metadata?.get('grpc-status-details-bin')[0]);
  return new RpcError(rpcCodeOf(code), plainText(text), {
    cause: error,
    ...(violations === undefined ? {} : { violations }),
  });
}

/** The reason for a failed connection, without gRPC's text around it, which includes the time of the attempt. */
function plainText(details: string): string {
  return details
    .replace(/^No connection established\. Last error: (Error: )?/, '')
    .replace(/^Name resolution failed for target dns:(.*?)(:\d+)?$/, 'there is no host of the name $1')
    .replace(/\.?\s*Resolution note:\s*$/, '')
    .replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)$/, '');
}

/** Unreadable details are left out; the status is useful without them. */
function violationsIn(details: unknown): RpcStatus['violations'] {
  if (!Buffer.isBuffer(details)) return undefined;
  try {
    return rpcStatusOf(MESSAGES.Status.decode(details)).violations;
  } catch {
    return undefined;
  }
}

function credentialsFor(
  grpc: typeof grpcJs,
  isTls: boolean,
  ca: ConnectRemoteOptions['tlsCa'],
  ip: string | undefined,
): ChannelCredentials {
  if (!isTls) return grpc.credentials.createInsecure();
  const authorities = ca === undefined ? null : Buffer.from(ca);
  if (ip === undefined) return grpc.credentials.createSsl(authorities);
  return grpc.credentials.createSsl(authorities, null, null, {
    checkServerIdentity: (_name, certificate) => checkServerIdentity(ip, certificate),
  });
}

/** The IP address of a server that is not given by a name. */
function ipAddressIn(address: string): string | undefined {
  const host = /^\[(.*)\]/.exec(address)?.[1] ?? address.replace(/:\d+$/, '');
  return isIP(host) === 0 ? undefined : host;
}

/**
 * Connects to a server of the Remote Execution API; the connection is made lazily, by the first call.
 *
 * Rejects with `RUNNER_MISSING_PACKAGE` if @grpc/grpc-js or protobufjs is not installed, with `RUNNER_INVALID_ARGUMENT` for
 * invalid options, and in a simulation with `RUNNER_OUTSIDE_CALL`, as its calls do.
 *
 * @example
 * ```ts
 * import { connectRemote, serveBuildCluster } from 'dryrunner/host';
 * const cluster = await serveBuildCluster({ jobs: 1 });
 * const connection = await connectRemote({ endpoint: cluster.endpoint });
 * connection.close();
 * await cluster.close();
 * ```
 */
export async function connectRemote(options: ConnectRemoteOptions): Promise<RemoteConnection> {
  refuseGrpcInSimulation('connectRemote');
  check('options', options, OPTIONS);
  const { endpoint, tlsCa } = options;
  const problem = endpointProblem(endpoint);
  if (problem !== undefined) throw invalidArgument('options.endpoint', problem, endpoint);
  if (tlsCa !== undefined && !endpoint.startsWith('grpcs:')) {
    throw invalidArgument('options.tlsCa', 'nothing, as a grpc:// endpoint is not encrypted', tlsCa);
  }
  const grpc = await loadGrpc('connectRemote');
  return new GrpcConnection(grpc, options);
}
