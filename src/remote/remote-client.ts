/**
 * The building blocks of a client of the Remote Execution API: calls with limits, uploads, downloads. Invariants: a
 * call that exceeds its time limit is cancelled; blobs that the server already has are not uploaded; downloaded bytes
 * match the requested digest.
 */
import { INT32_MAX } from '../kernel/int32.ts';
import { createHash } from 'node:crypto';
import * as is from '../kernel/shape.ts';
import { soundDigest } from '../cas/action-messages.ts';
import { digestOf } from '../cas/digest-of.ts';
import type { Init, Messages } from '../cas/codec.ts';
import { sleep, type Timer } from '../kernel/clock.ts';
import type { MaybePromise } from '../model/maybe-promise.ts';
import type { Topic } from '../kernel/question.ts';
import { RPC_CODES, type RpcCode } from '../model/action.ts';
import { backOffMs } from '../model/back-off.ts';
import type { BlobRange } from '../model/content-store.ts';
import { digestKey, type Digest } from '../model/digest.ts';
import { formatCount } from '../model/plural.ts';
import type { World } from '../model/world.ts';
import { type CallTrace, callText, failureText, type TracedCall } from './call-trace.ts';
import { REMOTE_METHODS as M } from './methods.ts';
import { OneRead } from './one-read.ts';
import { rpcFailure } from './rpc-failure.ts';
import { sentBytes } from './sent-bytes.ts';
import {
  isServer,
  type RemoteService,
  rpcCodeName,
  rpcCodeOf,
  type RpcContext,
  RpcError,
  type RpcMethod,
} from './rpc.ts';

const SERVICE = is.withMethods('unary', 'serverStream', 'clientStream');
/** Argument shape of a `RemoteService` that clients can call. */
export const TRANSPORT: is.PredicateShape = is.satisfying(
  'a connection, such as overWire(server) for a server in the same process',
  (value) => is.findMismatch(SERVICE, value) === undefined && !isServer(value as RemoteService),
);

/** How many times clients try again by default, calls as well as executions. */
export const RETRIES_MAX = 5;
/** The default time limit of a call. */
export const CALL_MS_MAX = 60_000;

/** Limits of a client's calls. */
export interface RemoteClientOptions {
  readonly transport: RemoteService;
  readonly instanceName: string;
  /** How many times a call that failed for a transient reason is retried. */
  readonly retriesMax: number;
  /** Time limit of a call other than a watch, in milliseconds; of a download or a Write, from one piece to the next. */
  readonly callMsMax: number;
  /** Called when a call is made again: with the call and why it has failed, both in words. */
  readonly onRetry?: (call: string, why: string) => void;
}

/** An attempt of a call, or of several one after the other. */
class Attempt {
  readonly #calls: CallTrace | undefined;
  /** The current call, if calls are recorded. */
  call: TracedCall | undefined;
  /** The current call in words. */
  #inWords: () => string = () => '';
  /** When bytes of a download last came, or bytes of an upload were taken. */
  progressedAtMs?: number;
  /** What has not happened since. */
  lack = 'nothing more came';

  constructor(calls: CallTrace | undefined) {
    this.#calls = calls;
  }

  begin<Q>(method: RpcMethod<Q, unknown>, request: Init<Q>): void {
    this.#inWords = () => callText(method, request);
    this.call = this.#calls?.begin(method, request);
  }

  get text(): string {
    return this.#inWords();
  }
}

/** A call that answers with a stream. */
export interface Watch<A> {
  readonly messages: AsyncIterable<A>;
  /** The call, if calls are recorded; the caller of `watch` records how it ends. */
  readonly call: TracedCall | undefined;
}

/** Where an upload reads its blobs. */
export interface BlobSource {
  read(digest: Digest): MaybePromise<Uint8Array>;
  /** Reads from the offset on. */
  readStream(digest: Digest, range: { readonly offset: number }): AsyncIterable<Uint8Array>;
}

/** True if the same call may succeed a little later. */
export function isPassing(code: RpcCode): boolean {
  return (
    code === RPC_CODES.UNAVAILABLE ||
    code === RPC_CODES.DEADLINE_EXCEEDED ||
    code === RPC_CODES.RESOURCE_EXHAUSTED ||
    code === RPC_CODES.ABORTED
  );
}

/** One blob of a batch. */
interface BlobUpdate {
  readonly digest: Digest;
  readonly data: Uint8Array;
}

/** True if a server has a blob that was sent to it: another client may have uploaded the same meanwhile. */
function isTaken({ code }: { readonly code: number }): boolean {
  return code === RPC_CODES.OK || code === RPC_CODES.ALREADY_EXISTS;
}

/** What a server would have answered that refuses a blob because it has it; other errors are rethrown. */
function takenIfThere(error: unknown, { sizeBytes }: Digest): Messages['WriteResponse'] {
  if (isTaken(rpcFailure(error).status)) return { committedSize: sizeBytes };
  throw error;
}

/** The blobs that a server did not accept, with reasons: every blob needs an answer, and each must be that it is there. */
function updateFailures(
  requests: readonly BlobUpdate[],
  { responses }: Messages['BatchUpdateBlobsResponse'],
): Map<BlobUpdate, RpcError> {
  const answered = new Set<string>();
  const refusals = new Map<string, Messages['Status']>();
  for (const { digest, status } of responses) {
    if (digest === null) continue;
    answered.add(digestKey(digest));
    if (status !== null && !isTaken(status)) refusals.set(digestKey(digest), status);
  }
  const failures = new Map<BlobUpdate, RpcError>();
  for (const request of requests) {
    const key = digestKey(request.digest);
    const refusal = refusals.get(key);
    if (refusal !== undefined) {
      const name = rpcCodeName(refusal.code);
      const why = `blob ${key} was not taken: ${refusal.message || name}`;
      failures.set(request, new RpcError(rpcCodeOf(refusal.code), why));
    } else if (!answered.has(key)) {
      const why = `the server did not say whether it has taken blob ${key}`;
      failures.set(request, new RpcError('UNAVAILABLE', why));
    }
  }
  return failures;
}

/** The write status of an upload that starts from the beginning. */
const BEGINNING = { committedSize: 0, complete: false };

/** If the server has forgotten an upload, or cannot report its position, everything is sent again. */
function beginningIfUnknown(error: unknown): typeof BEGINNING {
  const { code } = rpcFailure(error).status;
  if (code === RPC_CODES.NOT_FOUND || code === RPC_CODES.UNIMPLEMENTED) return BEGINNING;
  throw error;
}

/**
 * Maximum bytes of a message with blobs or digests, as encoded: below the 4 MiB that every server accepts. A larger
 * blob is written as a stream.
 */
const MESSAGE_BYTES = 2_000_000;
/** What fits into a batch where there are none: not even an empty blob. */
const NO_BATCHES = -1;
const PIECE_BYTES = 256 * 1024;
/** Maximum size of a blob that is read as a whole. */
const WHOLE_BYTES_MAX = INT32_MAX;
/** Size of the parts in which a blob is read. */
const PART_BYTES = 4 * 1024 * 1024;

/** A client of one server, for one run. Aborting `signal` ends everything it does. */
export class RemoteClient {
  readonly #world: World;
  readonly #options: RemoteClientOptions;
  readonly #topic: Topic;
  readonly #signal: AbortSignal;
  readonly #calls: CallTrace | undefined;
  readonly #caller: Pick<RpcContext, 'caller'>;
  #uploads = 0;
  /** Maximum bytes of a batch of blobs. */
  #batchBytes = MESSAGE_BYTES;
  /** True once the server has refused to read a part of a blob that does not reach to its end. */
  #takesNoLimit = false;

  constructor(
    world: World,
    options: RemoteClientOptions,
    topic: Topic,
    signal: AbortSignal,
    calls?: CallTrace,
  ) {
    this.#world = world;
    this.#options = options;
    this.#topic = topic;
    this.#signal = signal;
    this.#calls = calls;
    const { client: runner, runId } = calls ?? { client: '' };
    this.#caller = runId === undefined ? {} : { caller: { runner, runId } };
  }

  /** Makes a call, with retries; rejects with an {@link RpcError}. */
  async call<Q, A>(method: RpcMethod<Q, A, 'unary'>, request: Init<Q>): Promise<A> {
    return this.#retried((context, attempt) => {
      attempt.begin(method, request);
      return this.#options.transport.unary(method, request as Q, this.#timed(context));
    });
  }

  watch<Q, A>(method: RpcMethod<Q, A, 'serverStream'>, request: Init<Q>): Watch<A> {
    const call = this.#calls?.begin(method, request);
    try {
      const messages = this.#options.transport.serverStream(method, request as Q, {
        signal: this.#signal,
        ...this.#caller,
      });
      return { messages, call };
    } catch (error) {
      call?.fail(error);
      throw error;
    }
  }

  /** Waits before the next attempt, depending on the number of failures. */
  async pause(failures: number): Promise<void> {
    await sleep(this.#world.clock, backOffMs(failures), this.#topic.plus('again'), this.#signal);
  }

  async #retried<A>(make: (context: RpcContext, attempt: Attempt) => Promise<A>): Promise<A> {
    for (let failures = 1; ; failures += 1) {
      const attempt = new Attempt(this.#calls);
      let failure: RpcError;
      try {
        return await this.#limited(make, attempt);
      } catch (error) {
        failure = this.asCutOff(rpcFailure(error));
        if (!isPassing(failure.status.code) || failures > this.#options.retriesMax) throw failure;
      }
      await this.pause(failures);
      this.#saysRetry(attempt.text, failure);
    }
  }

  #saysRetry(call: string, failure: unknown): void {
    this.#options.onRetry?.(call, failureText(failure));
  }

  /**
   * Treats a cancellation that did not come from this client as a broken connection, as when a server shuts down during
   * a call.
   */
  asCutOff(failure: RpcError): RpcError {
    if (failure.status.code !== RPC_CODES.CANCELLED || this.#signal.aborted) return failure;
    return new RpcError('UNAVAILABLE', failure.message, { cause: failure });
  }

  /** Uploads those blobs that the server lacks; of a large one, it holds only a part in memory. */
  async upload(blobs: ReadonlyMap<string, Digest>, source: BlobSource): Promise<void> {
    try {
      await this.#uploadMissing(blobs, source);
    } catch (error) {
      if (!this.#hasNoBatches(error) && !(await this.#hasSmallerBatches(error))) throw error;
      await this.#uploadMissing(blobs, source);
    }
  }

  async #uploadMissing(blobs: ReadonlyMap<string, Digest>, source: BlobSource): Promise<void> {
    let batch: BlobUpdate[] = [];
    let bytes = 0;
    for (const digest of await this.findMissing([...blobs.values()])) {
      if (digest.sizeBytes > this.#batchBytes) {
        await this.#write(digest, source);
        continue;
      }
      const data = await source.read(digest);
      const size = sentBytes(digest) + data.length;
      if (bytes + size > this.#batchBytes) {
        await this.#update(batch);
        batch = [];
        bytes = 0;
      }
      batch.push({ digest, data });
      bytes += size;
    }
    await this.#update(batch);
  }

  /**
   * True if a server may know no batches, which Bazel does not send; from then on, it gets each blob as a stream. The call
   * that it does not know may be another one, which then fails again.
   */
  #hasNoBatches(error: unknown): boolean {
    if (rpcFailure(error).status.code !== RPC_CODES.UNIMPLEMENTED || this.#batchBytes === NO_BATCHES) {
      return false;
    }
    this.#batchBytes = NO_BATCHES;
    return true;
  }

  /**
   * True if a server that refused a call takes less in a batch than it was sent; from then on, it gets no more than that.
   * Only such servers are asked, because most take more than is ever sent.
   */
  async #hasSmallerBatches(error: unknown): Promise<boolean> {
    if (rpcFailure(error).status.code !== RPC_CODES.INVALID_ARGUMENT) return false;
    const { instanceName } = this.#options;
    const { cacheCapabilities } = await this.call(M.getCapabilities, { instanceName });
    const bytesMax = cacheCapabilities?.maxBatchTotalSizeBytes ?? 0;
    // The protocol says 0 for no limit.
    if (bytesMax <= 0 || bytesMax >= this.#batchBytes) return false;
    this.#batchBytes = bytesMax;
    return true;
  }

  /**
   * The blobs that the server does not have, without repeats. Rejects if the server names one that it was not asked
   * about.
   */
  async findMissing(digests: readonly Digest[]): Promise<readonly Digest[]> {
    const { instanceName } = this.#options;
    const missing = new Set<Digest>();
    for (const blobDigests of inMessages(digests)) {
      const { missingBlobDigests } = await this.call(M.findMissingBlobs, { instanceName, blobDigests });
      const asked = new Map(blobDigests.map((digest) => [digestKey(digest), digest]));
      for (const named of missingBlobDigests) {
        const key = digestKey(soundDigest('missing_blob_digests', named));
        const digest = asked.get(key);
        if (digest === undefined) {
          throw new RpcError(
            'INTERNAL',
            `the server says that blob ${key} is missing, but was not asked about it`,
          );
        }
        missing.add(digest);
      }
    }
    return [...missing];
  }

  /**
   * The bytes of a blob, or a range of them. Rejects with `DATA_LOSS` if the server returns other bytes, as far as that
   * can be detected.
   */
  async read(digest: Digest, range?: BlobRange): Promise<Uint8Array> {
    const whole = this.#oneRead();
    try {
      return await this.#readPart(digest, whole, range);
    } finally {
      whole.close();
    }
  }

  #oneRead(): OneRead {
    return new OneRead(this.#options.transport, this.#signal);
  }

  async #readPart(
    digest: Digest,
    whole: OneRead,
    { offset = 0, limit = Infinity }: BlobRange = {},
  ): Promise<Uint8Array> {
    const length = Math.max(0, Math.min(digest.sizeBytes - offset, limit));
    if (length > WHOLE_BYTES_MAX) {
      const size = `${formatCount(length)} B`;
      throw new RpcError('OUT_OF_RANGE', `blob ${digest.hash} has ${size}, too many to be read at once`);
    }
    const bytes = new Uint8Array(length);
    if (bytes.length === 0) return bytes;
    const isToEnd = offset + bytes.length === digest.sizeBytes;
    const { transport } = this.#options;
    let at = 0;
    const take = async (context: RpcContext, attempt: Attempt): Promise<void> => {
      // The last attempt has brought all bytes, but not the end. A limit of 0 would ask for the rest of the blob.
      if (at === bytes.length) return;
      const resourceName = this.#nameOf(`blobs/${digestKey(digest)}`);
      const readLimit = isToEnd ? 0 : bytes.length - at;
      const request: Messages['ReadRequest'] = { resourceName, readOffset: offset + at, readLimit };
      attempt.begin(M.read, request);
      const answers = this.#takesNoLimit
        ? whole.part(request, context)
        : transport.serverStream(M.read, request, context);
      for await (const { data } of answers) {
        // The next attempt has taken over, if the transport still delivers after the cancellation.
        if (context.signal.aborted) return;
        if (at + data.length > bytes.length) throw wrongBytes(digest);
        bytes.set(data, at);
        at += data.length;
        if (data.length > 0) attempt.progressedAtMs = this.#world.clock.now();
        attempt.call?.takeBytes(data.length);
      }
      // A stream that ends early without an error counts as a broken one.
      if (at < bytes.length) {
        throw new RpcError('UNAVAILABLE', `blob ${digest.hash} ended after ${offset + at} B`);
      }
      attempt.call?.end();
    };
    try {
      await this.#retried(take);
    } catch (error) {
      const refusesLimit = !isToEnd && rpcFailure(error).status.code === RPC_CODES.UNIMPLEMENTED;
      if (!refusesLimit || this.#takesNoLimit) throw error;
      this.#takesNoLimit = true;
      await this.#retried(take);
    }
    const isWhole = bytes.length === digest.sizeBytes;
    if (isWhole && digestKey(digestOf(bytes)) !== digestKey(digest)) throw wrongBytes(digest);
    return bytes;
  }

  /**
   * As `read`, in parts, each fetched by a call of its own if the server takes limits. The last part is yielded only if
   * all of them match the digest.
   */
  async *readStream(
    digest: Digest,
    { offset = 0, limit = Infinity }: BlobRange = {},
  ): AsyncGenerator<Uint8Array> {
    const end = Math.min(digest.sizeBytes, offset + limit);
    const hash = offset === 0 && end === digest.sizeBytes ? createHash('sha256') : undefined;
    const whole = this.#oneRead();
    try {
      for (let at = offset; at < end;) {
        const range = { offset: at, limit: Math.min(PART_BYTES, end - at) };
        const part = await this.#readPart(digest, whole, range);
        at += part.length;
        hash?.update(part);
        if (at === end && hash !== undefined && hash.digest('hex') !== digest.hash) throw wrongBytes(digest);
        yield part;
      }
    } finally {
      whole.close();
    }
  }

  async #update(requests: readonly BlobUpdate[]): Promise<void> {
    const { instanceName, retriesMax } = this.#options;
    let left = requests;
    for (let failures = 1; left.length > 0; failures += 1) {
      const answer = await this.call(M.batchUpdateBlobs, { instanceName, requests: left });
      const failed = updateFailures(left, answer);
      const [first] = failed.values();
      if (first === undefined) return;
      const last = failures > retriesMax ? first : undefined;
      const failure = [...failed.values()].find(({ status }) => !isPassing(status.code)) ?? last;
      if (failure !== undefined) throw failure;
      left = [...failed.keys()];
      await this.pause(failures);
      this.#saysRetry(callText(M.batchUpdateBlobs, { requests: left }), first);
    }
  }

  /** Writes a large blob in pieces; after an interruption it continues at the position that the server reports. */
  async #write(digest: Digest, source: BlobSource): Promise<void> {
    this.#uploads += 1;
    const id = this.#uuid();
    const resourceName = this.#nameOf(`uploads/${id}/blobs/${digestKey(digest)}`);
    let isFirst = true;
    let reached = 0;
    const write = async (context: RpcContext, attempt: Attempt): Promise<void> => {
      const { transport } = this.#options;
      if (!isFirst) attempt.begin(M.queryWriteStatus, { resourceName });
      const from = isFirst
        ? BEGINNING
        : await transport.unary(M.queryWriteStatus, { resourceName }, this.#timed(context)).then(
            (status) => {
              attempt.call?.reply(status);
              return status;
            },
            (error: unknown) => {
              attempt.call?.fail(error);
              return beginningIfUnknown(error);
            },
          );
      isFirst = false;
      if (from.complete) return;
      // A position outside the blob says nothing about what the server has.
      reached = isPosition(from.committedSize, digest) ? from.committedSize : 0;
      attempt.begin(M.write, { resourceName });
      attempt.lack = 'nothing more was taken';
      const sent = pieces(resourceName, digest, source, reached, () => {
        attempt.progressedAtMs = this.#world.clock.now();
      });
      const answer = await transport
        .clientStream(M.write, sent, context)
        .catch((error: unknown) => takenIfThere(error, digest));
      const { committedSize } = answer;
      if (committedSize !== digest.sizeBytes) {
        throw new RpcError('UNAVAILABLE', `blob ${digest.hash} was taken to ${committedSize} B only`);
      }
      attempt.call?.reply(answer);
    };
    // A write that breaks off is continued as long as it makes progress, unless retries are disabled.
    for (let before = 0; ; before = reached) {
      try {
        await this.#retried(write);
        return;
      } catch (error) {
        // A server that accepts less than this in all these tries would never finish.
        const hasProgressed = reached - before >= PIECE_BYTES;
        if (!isPassing(rpcFailure(error).status.code) || !hasProgressed) throw error;
        this.#saysRetry(callText(M.write, { resourceName }), error);
      }
    }
  }

  #uuid(): string {
    const random = this.#world.random.fork(`${this.#topic.text} upload ${this.#uploads}`);
    const hex = Array.from({ length: 4 }, () => random.uint32().toString(16).padStart(8, '0')).join('');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  #nameOf(name: string): string {
    const { instanceName } = this.#options;
    return instanceName === '' ? name : `${instanceName}/${name}`;
  }

  /** Sends the time limit to the server too, except for streams of bytes, whose limit depends on when these come. */
  #timed(context: RpcContext): RpcContext {
    return { ...context, timeoutMs: this.#options.callMsMax };
  }

  async #limited<A>(
    make: (context: RpcContext, attempt: Attempt) => Promise<A>,
    attempt: Attempt,
  ): Promise<A> {
    const { clock } = this.#world;
    const { callMsMax } = this.#options;
    const controller = new AbortController();
    const stop = (): void => controller.abort();
    this.#signal.addEventListener('abort', stop);
    if (this.#signal.aborted) stop();
    let late: RpcError | undefined;
    const timerFor = (ms: number): Timer =>
      clock.timer(this.#topic.plus('call limit'), ms, () => {
        const { progressedAtMs } = attempt;
        const leftMs = (progressedAtMs ?? -Infinity) + callMsMax - clock.now();
        if (leftMs > 0) {
          timer = timerFor(leftMs);
          return;
        }
        const why = progressedAtMs === undefined ? 'the call took longer than' : `${attempt.lack} for`;
        late = new RpcError('DEADLINE_EXCEEDED', `${why} ${callMsMax} ms`);
        stop();
      });
    let timer = timerFor(callMsMax);
    const stopped = new Promise<never>((_resolve, reject) => {
      const give = (): void => reject(late ?? new RpcError('CANCELLED', 'the call was cancelled'));
      controller.signal.addEventListener('abort', give);
      if (controller.signal.aborted) give();
    });
    try {
      const answer = await Promise.race([
        make({ signal: controller.signal, ...this.#caller }, attempt),
        stopped,
      ]);
      attempt.call?.reply(answer);
      return answer;
    } catch (error) {
      attempt.call?.fail(error);
      throw error;
    } finally {
      timer.cancel();
      this.#signal.removeEventListener('abort', stop);
    }
  }
}

/** Splits digests into groups that fit into one message. */
function* inMessages(digests: readonly Digest[]): Generator<readonly Digest[]> {
  let bytes = 0;
  let start = 0;
  for (const [index, digest] of digests.entries()) {
    const size = sentBytes(digest);
    if (bytes + size > MESSAGE_BYTES) {
      yield digests.slice(start, index);
      start = index;
      bytes = 0;
    }
    bytes += size;
  }
  if (start < digests.length) yield digests.slice(start);
}

function isPosition(offset: number, { sizeBytes }: Digest): boolean {
  return offset >= 0 && offset <= sizeBytes;
}

function wrongBytes(digest: Digest): RpcError {
  return new RpcError('DATA_LOSS', `the server gave other bytes for blob ${digestKey(digest)}`);
}

async function* pieces(
  resourceName: string,
  digest: Digest,
  source: BlobSource,
  from: number,
  onTaken: () => void,
): AsyncGenerator<Messages['WriteRequest']> {
  let at = from;
  for await (const part of source.readStream(digest, { offset: from })) {
    for (let start = 0; start < part.length; start += PIECE_BYTES) {
      const data = part.subarray(start, start + PIECE_BYTES);
      const writeOffset = at;
      at += data.length;
      yield { resourceName, writeOffset, finishWrite: at === digest.sizeBytes, data };
      onTaken();
    }
  }
  if (at === digest.sizeBytes && from < at) return;
  // The server has everything but has not said so, or the source has broken off, which the server then reports.
  yield { resourceName, writeOffset: at, finishWrite: true, data: new Uint8Array() };
}
