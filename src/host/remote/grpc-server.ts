/**
 * A {@link RemoteService} behind gRPC. Invariants: a call ends with a status whatever happens in it; a client that
 * sends faster than the service reads is slowed down; a closed server has ended all of its calls.
 */
import * as is from '../../kernel/shape.ts';
import type {
  Metadata,
  sendUnaryData,
  Server,
  ServerCredentials,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  StatusObject,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { createHash, createPrivateKey, timingSafeEqual, X509Certificate } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { lookup } from 'node:dns/promises';
import { createServer, isIP, type Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import type * as grpcJs from '@grpc/grpc-js';
import { statusMessage } from '../../cas/action-messages.ts';
import { MESSAGES, type OperationMessage } from '../../cas/codec.ts';
import { check } from '../../kernel/argument-check.ts';
import { messageOf, RunnerError } from '../../kernel/errors.ts';
import type { RpcStatus, RpcViolation } from '../../model/action.ts';
import { boundedText } from '../../remote/bounded-text.ts';
import { executionOutcome, instanceOf, isExecution, requestText } from '../../remote/call-trace.ts';
import { REMOTE_METHODS, type RemoteMethods } from '../../remote/methods.ts';
import { rpcFailure } from '../../remote/rpc-failure.ts';
import {
  methodName,
  type RemoteService,
  type RpcContext,
  encodeAnswer,
  RpcError,
  type RpcMethod,
  rpcCodeName,
} from '../../remote/rpc.ts';
import { guardCallback } from '../guard-callback.ts';
import { KEEPALIVE, keepaliveOptions } from './keepalive.ts';
import { loadGrpc, refuseGrpcInSimulation } from './load-grpc.ts';
import { giveTurns } from './turns.ts';

/** The access log's entry for a call that has ended. */
export interface RpcAccess {
  /** The full name of the method: `/google.bytestream.ByteStream/Read`. */
  readonly method: string;
  /** The name of its status, such as `OK`. */
  readonly code: string;
  /** The message of the status; empty on success. */
  readonly message: string;
  readonly durationMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Address and port of the client. */
  readonly peer: string;
  /** What it was about: `action 6881981b`, `3 blobs`, `blob 1f2e3d4c`. Empty for a call about nothing of that sort. */
  readonly about: string;
  /** The instance that it was for. Absent for the default one, and where the call names none. */
  readonly instance?: string;
  /** The action of an `Execute` or `WaitExecution`, as `HASH/SIZE`. Absent for others, and if it is unknown. */
  readonly action?: string;
  /** What the execution came to, if the call has brought it: `exit code 3`, `DEADLINE_EXCEEDED (…)`. */
  readonly outcome?: string;
  /** The exit code of the action's command, if the call has brought a result. */
  readonly exitCode?: number;
}

/** The server's certificate and key, PEM. */
export interface RemoteTls {
  readonly cert: Uint8Array | string;
  readonly key: Uint8Array | string;
  /** Requires clients to present a certificate signed by one of these. Default: no client certificate needed. */
  readonly clientCa?: Uint8Array | string | undefined;
}

/** Options of {@link serveRemote}. */
export interface ServeRemoteOptions {
  readonly service: RemoteService;
  /** Host to listen on. Default 127.0.0.1: reachable from this machine only. */
  readonly host?: string;
  /** Port to listen on. Default 0: any free port. */
  readonly port?: number;
  /** Certificate and key for TLS. Default: no encryption. */
  readonly tls?: RemoteTls | undefined;
  /** The token that callers must send as `authorization: Bearer TOKEN`. Default: none is needed. */
  readonly token?: string | undefined;
  /** The largest incoming message in bytes. Default 16 MiB. */
  readonly messageBytesMax?: number;
  /**
   * Asks each client this often whether it is there, and ends its calls if it does not answer within as much time, or
   * within 20 s if that is less: a connection can be lost without being closed. Default 30,000.
   */
  readonly keepaliveMs?: number;
  /**
   * Called with each call once it has ended. What it throws, or rejects with, is a warning of the process, and changes
   * nothing else.
   */
  readonly onCall?: ((access: RpcAccess) => void) | undefined;
}

const PEM = is.satisfying(
  'PEM as text or bytes',
  (value) => typeof value === 'string' || value instanceof Uint8Array,
);
const TLS = is.optionsOf<RemoteTls>({ cert: PEM, key: PEM }, { clientCa: PEM });
/** The shapes of all but the service. */
export const SERVING_FIELDS: is.ShapesOf<Omit<ServeRemoteOptions, 'service'>> = {
  host: is.text('a host name or an address, an IPv6 one without brackets', /^[^\s\0[\]/]+$/),
  port: is.integer(0, 65_535),
  tls: TLS,
  token: is.text('a token', /^[\x21-\x7e]+$/),
  messageBytesMax: is.integer(1),
  keepaliveMs: KEEPALIVE,
  onCall: is.FUNCTION,
};
const OPTIONS = is.optionsOf<ServeRemoteOptions>(
  { service: is.withMethods('unary', 'serverStream', 'clientStream') },
  SERVING_FIELDS,
);

/** A running gRPC server. */
export interface RemoteEndpoint {
  /** The address for clients: `grpc://127.0.0.1:8980`, or `grpcs://…`. */
  readonly endpoint: string;
  readonly port: number;
  /** Accepts no more calls, gives running ones `graceMs` (default 1,000) to end, and then ends the rest. */
  readonly close: (graceMs?: number) => Promise<void>;
}

type Grpc = typeof grpcJs;
/** The common part of all kinds of calls. */
type AnyCall = Pick<ServerUnaryCall<Buffer, Uint8Array>, 'getDeadline' | 'getPeer' | 'metadata'> &
  Pick<NodeJS.EventEmitter, 'on'>;

const KINDS = {
  unary: { requestStream: false, responseStream: false },
  serverStream: { requestStream: false, responseStream: true },
  clientStream: { requestStream: true, responseStream: false },
};
const MIB = 1024 * 1024;
const KEEPALIVE_MS = 30_000;
/** Messages up to this size are decoded at once. */
const SMALL_BYTES = 64 * 1024;
/** The channel on which Node announces each connection to a server of this process. */
const NEW_CONNECTION = 'net.server.socket';
/** Time for the last answers to leave before connections are cut, in milliseconds. */
const LAST_ANSWERS_MS = 200;
const asIs = (bytes: Buffer): Buffer => bytes;
const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A stream goes on while no more than this waits to be sent. */
const UNSENT_BYTES_MAX = 64 * 1024;

/** Shared by all calls: the stack of this error is never shown. */
const GONE = new RpcError('CANCELLED', 'the client has gone');

/** One call, from its start to its status. */
class ServedCall {
  /** Its parts are made when a handler asks for them, because most ask for little. */
  readonly context: RpcContext;
  readonly #method: string;
  /** Noted at the start: a connection that is closed no longer knows it. */
  readonly #peer: string;
  readonly #begin = performance.now();
  readonly #onCall: ((access: RpcAccess) => void) | undefined;
  #cancel: AbortController | undefined;
  bytesIn = 0;
  bytesOut = 0;
  /** What the request says, or the first one of a stream: that itself may be large, and the call long. */
  #subject: Pick<RpcAccess, 'about' | 'instance'> | undefined;
  /** The last state of an execution that was sent. */
  #operation: OperationMessage | undefined;
  #isOver = false;
  #isGone = false;
  #unsentBytes = 0;
  /** Ends the wait for a message to leave. */
  #settle: (() => void) | undefined;

  constructor(method: string, call: AnyCall, onCall: ServeRemoteOptions['onCall']) {
    this.#method = method;
    this.#peer = call.getPeer();
    this.#onCall = onCall;
    call.on('cancelled', () => {
      // gRPC also emits this for calls that ended well; nothing waits for their signal any more.
      if (this.#isOver) return;
      this.#leave();
      this.over('CANCELLED', GONE.message);
    });
    call.on('error', () => this.#leave());
    const deadline = call.getDeadline();
    const deadlineMs = deadline instanceof Date ? deadline.getTime() : deadline;
    const signal = (): AbortSignal => this.#signal();
    const metadata = textHeaders(call.metadata);
    this.context = {
      ...(Number.isFinite(deadlineMs) ? { timeoutMs: Math.max(0, deadlineMs - Date.now()) } : {}),
      metadata,
      get signal() {
        return signal();
      },
    };
  }

  /** The client waits no more. */
  get isGone(): boolean {
    return this.#isGone;
  }

  #signal(): AbortSignal {
    if (this.#cancel === undefined) {
      this.#cancel = new AbortController();
      if (this.#isGone) this.#cancel.abort(GONE);
    }
    return this.#cancel.signal;
  }

  #leave(): void {
    this.#isGone = true;
    this.#cancel?.abort(GONE);
    this.#settle?.();
  }

  /**
   * Sends a message. Resolves when no more than `unsentMax` bytes wait to be sent, or the client is gone; undefined if
   * that is so at once, so that small messages leave together.
   */
  send(
    call: ServerWritableStream<Buffer, Uint8Array>,
    bytes: Uint8Array,
    unsentMax: number,
  ): Promise<void> | undefined {
    const { length } = bytes;
    this.bytesOut += length;
    this.#unsentBytes += length;
    // Its return value counts messages, however large: 16 may wait.
    call.write(bytes, () => {
      this.#unsentBytes -= length;
      if (this.#unsentBytes <= unsentMax) this.#settle?.();
    });
    if (this.#unsentBytes <= unsentMax) return undefined;
    return new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  takes(request: unknown): void {
    if (this.#onCall !== undefined) this.#subject ??= subjectOf(request);
  }

  gives(answer: unknown): void {
    if (isExecution(methodName({ path: this.#method }))) this.#operation = answer as OperationMessage;
  }

  /** True once the last message of an execution was sent. */
  get hasResult(): boolean {
    return this.#operation?.done === true;
  }

  /** Reports how the call ended, once. */
  over(code: string, message = ''): void {
    if (this.#isOver) return;
    this.#isOver = true;
    guardCallback('onCall of a remote server', () =>
      this.#onCall?.({
        method: this.#method,
        code,
        message,
        durationMs: performance.now() - this.#begin,
        bytesIn: this.bytesIn,
        bytesOut: this.bytesOut,
        peer: this.#peer,
        about: '',
        ...this.#subject,
        ...(this.#operation === undefined ? {} : executionOutcome(this.#operation)),
      }),
    );
  }
}

function subjectOf(request: unknown): Pick<RpcAccess, 'about' | 'instance'> {
  const instance = boundedText(instanceOf(request));
  return { about: requestText(request), ...(instance === '' ? {} : { instance }) };
}

function textHeaders(metadata: Metadata): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(metadata.getMap())) {
    if (typeof value === 'string') found.set(name, value);
  }
  return found;
}

/** Compares two texts in a time that says nothing of where they differ. */
function isSame(given: string, expected: string): boolean {
  const [a, b] = [given, expected].map((text) => createHash('sha256').update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}

/** Errors of the system for an address on which nobody can listen. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'this user may not listen on that port',
};

/** Why gRPC cannot listen: its own text lists what became of each address. */
function reasonOf({ message }: Error): string {
  if (/^(getaddrinfo|Name resolution failed)\b/.test(message)) return 'there is no host of that name';
  const [, code = ''] = /\blisten (E[A-Z]+)\b/.exec(message) ?? [];
  return REASONS[code] ?? message;
}

/**
 * Checks that this process can serve there, as far as that can be seen before there is a service.
 *
 * @throws RunnerError (rejects) `RUNNER_INVALID_ARGUMENT` for invalid keys, `RUNNER_RPC_FAILED` if nobody can listen
 * there.
 */
export async function checkServing({
  host = LOOPBACK,
  port = 0,
  tls,
}: Pick<ServeRemoteOptions, 'host' | 'port' | 'tls'>): Promise<void> {
  if (tls !== undefined) checkTls(tls);
  try {
    const addresses = isIP(host) === 0 ? await lookup(host, { all: true }) : [{ address: host }];
    const tries = await Promise.allSettled(addresses.map(({ address }) => tryToListen(address, port)));
    // gRPC needs one of those that a name stands for.
    const [first] = tries;
    if (first?.status === 'rejected' && tries.every(({ status }) => status === 'rejected')) {
      throw first.reason;
    }
  } catch (error) {
    throw cannotListen(host, port, error);
  }
}

function cannotListen(host: string, port: number, error: unknown): RunnerError {
  const message = `cannot listen on ${shownHost(host)}:${port}: ${reasonOf(error as Error)}`;
  return new RunnerError('RUNNER_RPC_FAILED', message, { cause: error });
}

/** A host as it stands before a port. */
function shownHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** Rejects with the system's error if nobody can listen there. */
function tryToListen(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}

const LOOPBACK = '127.0.0.1';

class GrpcServer implements RemoteEndpoint {
  readonly #grpc: Grpc;
  readonly #server: Server;
  readonly #options: ServeRemoteOptions;
  /** The connections of clients; gRPC gives no access to them. */
  readonly #sockets = new Set<Socket>();
  endpoint = '';
  port = 0;

  constructor(grpc: Grpc, options: ServeRemoteOptions) {
    this.#grpc = grpc;
    this.#options = options;
    this.#server = new grpc.Server({
      'grpc.max_receive_message_length': options.messageBytesMax ?? 16 * MIB,
      'grpc.max_send_message_length': -1,
      ...keepaliveOptions(options.keepaliveMs ?? KEEPALIVE_MS),
    });
    for (const method of Object.values(REMOTE_METHODS) as RemoteMethods[keyof RemoteMethods][]) {
      this.#add(method);
    }
  }

  async listen(): Promise<void> {
    const { host = LOOPBACK, port = 0, tls } = this.#options;
    // gRPC would also print the error, and its log can be silenced only for the whole process.
    await checkServing(this.#options);
    const credentials = serverCredentials(this.#grpc, tls);
    try {
      this.port = await new Promise((resolve, reject) => {
        this.#server.bindAsync(`${shownHost(host)}:${port}`, credentials, (error, bound) => {
          if (error === null) resolve(bound);
          else reject(error);
        });
      });
    } catch (error) {
      throw cannotListen(host, port, error);
    }
    subscribe(NEW_CONNECTION, this.#onConnection);
    this.endpoint = `${tls === undefined ? 'grpc' : 'grpcs'}://${shownHost(host)}:${this.port}`;
  }

  readonly close = async (graceMs = 1_000): Promise<void> => {
    const ended = new Promise<void>((resolve) => {
      this.#server.tryShutdown(() => resolve());
    });
    const timers = [
      setTimeout(() => this.#server.forceShutdown(), graceMs),
      // gRPC then waits until all clients have closed their side too, which one that is suspended or lost never does.
      setTimeout(() => this.#destroySockets(), graceMs + LAST_ANSWERS_MS),
    ];
    await ended;
    for (const timer of timers) clearTimeout(timer);
    unsubscribe(NEW_CONNECTION, this.#onConnection);
  };

  readonly #onConnection = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket };
    if (socket.localPort !== this.port) return;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
  };

  #destroySockets(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #add(method: RpcMethod<unknown, unknown>): void {
    const name = method.path.slice(method.path.lastIndexOf('/') + 1);
    const definition = {
      path: method.path,
      ...KINDS[method.kind],
      requestSerialize: asBuffer,
      requestDeserialize: asIs,
      responseSerialize: asBuffer,
      responseDeserialize: asIs,
    };
    const handlers: UntypedServiceImplementation = { [name]: this.#handler(method) as never };
    // One method at a time: gRPC needs all methods of a service in one call only to check that each has a handler.
    this.#server.addService({ [name]: definition }, handlers);
  }

  #handler(method: RpcMethod<unknown, unknown>): unknown {
    if (method.kind === 'unary') return this.#unary(method as RpcMethod<unknown, unknown, 'unary'>);
    if (method.kind === 'serverStream') {
      return this.#serverStream(method as RpcMethod<unknown, unknown, 'serverStream'>);
    }
    return this.#clientStream(method as RpcMethod<unknown, unknown, 'clientStream'>);
  }

  #begin(method: string, call: AnyCall): ServedCall {
    return new ServedCall(method, call, this.#options.onCall);
  }

  /** @throws RpcError `UNAUTHENTICATED`. */
  #admit(served: ServedCall): void {
    const { token } = this.#options;
    if (
      token === undefined ||
      isSame(served.context.metadata?.get('authorization') ?? '', `Bearer ${token}`)
    ) {
      return;
    }
    throw new RpcError('UNAUTHENTICATED', 'expected the token of this server in the header authorization');
  }

  #unary(method: RpcMethod<unknown, unknown, 'unary'>) {
    return (call: ServerUnaryCall<Buffer, Uint8Array>, answer: sendUnaryData<Uint8Array>): void => {
      const served = this.#begin(method.path, call);
      const work = async (): Promise<Uint8Array> => {
        this.#admit(served);
        served.bytesIn = call.request.length;
        // Large messages take long to decode, and several may come at once.
        if (call.request.length > SMALL_BYTES) await giveTurns();
        const request = method.request.decode(call.request);
        served.takes(request);
        return encodeAnswer(method, await this.#options.service.unary(method, request, served.context));
      };
      work().then(
        (bytes) => {
          served.bytesOut = bytes.length;
          answer(null, bytes);
          served.over('OK');
        },
        (error: unknown) => answer(this.#failed(served, error)),
      );
    };
  }

  #serverStream(method: RpcMethod<unknown, unknown, 'serverStream'>) {
    return (call: ServerWritableStream<Buffer, Uint8Array>): void => {
      const served = this.#begin(method.path, call);
      const work = async (): Promise<void> => {
        this.#admit(served);
        served.bytesIn = call.request.length;
        const request = method.request.decode(call.request);
        served.takes(request);
        let sent: Promise<void> | undefined;
        for await (const message of this.#options.service.serverStream(method, request, served.context)) {
          if (sent !== undefined) await sent;
          if (served.isGone) break;
          served.gives(message);
          const bytes = encodeAnswer(method, message);
          if (served.hasResult) {
            await served.send(call, bytes, 0);
            // For the service it is received now, and what it names may go, unless the client is gone.
            break;
          }
          sent = served.send(call, bytes, UNSENT_BYTES_MAX);
        }
      };
      work().then(
        () => {
          call.end();
          served.over('OK');
        },
        (error: unknown) => call.emit('error', this.#failed(served, error)),
      );
    };
  }

  #clientStream(method: RpcMethod<unknown, unknown, 'clientStream'>) {
    return (call: ServerReadableStream<Buffer, Uint8Array>, answer: sendUnaryData<Uint8Array>): void => {
      const served = this.#begin(method.path, call);
      const work = async (): Promise<Uint8Array> => {
        this.#admit(served);
        const requests = decoded(method, call, served);
        return encodeAnswer(
          method,
          await this.#options.service.clientStream(method, requests, served.context),
        );
      };
      work().then(
        (bytes) => {
          served.bytesOut = bytes.length;
          answer(null, bytes);
          served.over('OK');
          call.resume();
        },
        (error: unknown) => {
          answer(this.#failed(served, error));
          call.resume();
        },
      );
    };
  }

  #failed(
    served: ServedCall,
    error: unknown,
  ): Partial<StatusObject> & { readonly name: string; readonly message: string } {
    const status = inTrailer(rpcFailure(error).status);
    served.over(rpcCodeName(status.code), status.message);
    const metadata = new this.#grpc.Metadata();
    const details = MESSAGES.Status.encode(statusMessage(status));
    if (status.violations !== undefined) metadata.set('grpc-status-details-bin', Buffer.from(details));
    return {
      name: 'RpcError',
      message: status.message,
      code: status.code,
      details: status.message,
      metadata,
    };
  }
}

// A trailer that is too long ends the whole connection: many clients accept 8 KiB of headers, counting 32 extra bytes
// for each.
const TEXT_BYTES = 1_024;
/** Before gRPC encodes it as base64, which is a third longer. */
const DETAILS_BYTES = 4_500;
/** An upper bound for the tags and lengths around one violation. */
const VIOLATION_BYTES = 16;

/** Cuts a status so that it fits into a trailer; its message then says how much was left out. */
function inTrailer({ code, message, violations = [] }: RpcStatus): RpcStatus {
  const listed: RpcViolation[] = [];
  let room = DETAILS_BYTES - TEXT_BYTES;
  for (const violation of violations) {
    room -= Buffer.byteLength(violation.type) + Buffer.byteLength(violation.subject) + VIOLATION_BYTES;
    if (room < 0) break;
    listed.push(violation);
  }
  const isWhole = listed.length === violations.length;
  const rest = isWhole ? '' : `; the details list ${listed.length} of ${violations.length}`;
  return {
    code,
    message: headerText(message, TEXT_BYTES - rest.length) + rest,
    ...(listed.length === 0 ? {} : { violations: listed }),
  };
}

/**
 * Cuts a text so that it fits into a header of that many bytes: gRPC writes most characters other than letters as %XX.
 */
function headerText(text: string, bytesMax: number): string {
  // Replaces unpaired surrogates, which cannot be encoded.
  const sound = Buffer.from(text.slice(0, bytesMax + 1)).toString();
  if (text.length <= bytesMax && encodeURI(sound).length <= bytesMax) return sound;
  const rest = `... (${text.length} characters)`;
  let room = bytesMax - encodeURI(rest).length;
  let shown = '';
  for (const character of sound) {
    room -= encodeURI(character).length;
    if (room < 0) break;
    shown += character;
  }
  return shown + rest;
}

/** The messages of a client, one at a time: the next is taken when the last has been processed. */
async function* decoded<Q>(
  method: RpcMethod<Q, unknown>,
  call: ServerReadableStream<Buffer, Uint8Array>,
  served: ServedCall,
): AsyncGenerator<Q> {
  // Leaving the loop early must not destroy the call, whose answer is still to come.
  const source = call.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  try {
    for await (const bytes of source) {
      served.bytesIn += bytes.length;
      const request = method.request.decode(bytes);
      served.takes(request);
      yield request;
    }
  } catch (error) {
    if (served.isGone) {
      throw new RpcError('CANCELLED', `the client has gone: ${messageOf(error)}`);
    }
    throw error;
  }
  if (served.isGone) throw new RpcError('CANCELLED', 'the client has gone');
}

const CERTIFICATE = '-----BEGIN CERTIFICATE-----';
const PRIVATE_KEY = /-----BEGIN ([A-Z0-9]+ )?PRIVATE KEY-----/;

/** Checks the options for TLS. Error messages contain nothing of the files, because either may hold a secret. */
function checkTls({ cert, key, clientCa }: RemoteTls): void {
  requirePem('tls.cert', cert, 'certificates');
  requirePem('tls.key', key, 'a private key');
  if (clientCa !== undefined) requirePem('tls.clientCa', clientCa, 'certificates');
  if (!isPair(Buffer.from(cert), Buffer.from(key))) {
    const text = 'tls.key: expected the private key of the certificate, got another one';
    throw new RunnerError('RUNNER_INVALID_ARGUMENT', text);
  }
}

/** OpenSSL compares the two only where they are of one type, such as RSA. */
function isPair(cert: Buffer, key: Buffer): boolean {
  try {
    createSecureContext({ cert, key });
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') return false;
    const text = `tls: expected a certificate and its private key without a password, got what OpenSSL cannot read: ${messageOf(cause)}`;
    throw new RunnerError('RUNNER_INVALID_ARGUMENT', text, { cause });
  }
}

function requirePem(
  field: string,
  pem: Uint8Array | string,
  expected: 'certificates' | 'a private key',
): void {
  const text = Buffer.from(pem).toString('latin1');
  const has = { certificates: text.includes(CERTIFICATE), 'a private key': PRIVATE_KEY.test(text) };
  if (has[expected]) return;
  const other = has.certificates ? 'certificates' : 'a private key';
  const got = has[other] ? other : 'something else';
  throw new RunnerError('RUNNER_INVALID_ARGUMENT', `${field}: expected ${expected} in PEM, got ${got}`);
}

function serverCredentials(grpc: Grpc, tls: RemoteTls | undefined): ServerCredentials {
  if (tls === undefined) return grpc.ServerCredentials.createInsecure();
  const { cert, key, clientCa } = tls;
  const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) };
  const roots = clientCa === undefined ? null : Buffer.from(clientCa);
  return grpc.ServerCredentials.createSsl(roots, [pair], roots !== null);
}

/**
 * Serves a {@link RemoteService} over gRPC, as the command `dryrunner serve --reapi` does.
 *
 * Rejects with `RUNNER_MISSING_PACKAGE` if @grpc/grpc-js or protobufjs is not installed, with `RUNNER_INVALID_ARGUMENT`
 * for invalid options, and with `RUNNER_RPC_FAILED` if it cannot listen there.
 *
 * @example
 * ```ts
 * import { realWorld, createExecRunner, serveRemote } from 'dryrunner/host';
 * import { createMemoryActionCache, createMemoryContentStore, createRemoteService } from 'dryrunner/remote';
 * const runner = createExecRunner();
 * const content = createMemoryContentStore();
 * const service = createRemoteService(realWorld(), { runner, content, cache: createMemoryActionCache() });
 * const { endpoint, close } = await serveRemote({ service });
 * if (!endpoint.startsWith('grpc://127.0.0.1:')) throw new Error('expected this machine alone');
 * service.close();
 * await close();
 * await runner.release();
 * await runner.outputs.dispose();
 * ```
 */
export async function serveRemote(options: ServeRemoteOptions): Promise<RemoteEndpoint> {
  refuseGrpcInSimulation('serveRemote');
  check('options', options, OPTIONS);
  const grpc = await loadGrpc('serveRemote');
  const server = new GrpcServer(grpc, options);
  await server.listen();
  return server;
}
