/**
 * Blobs that arrive by Write, in one call or in several. Invariants: an interrupted upload can be resumed where it
 * stopped, until it is given up; one call at a time sends its bytes; no write is acknowledged before it is stored.
 */
import { badField } from '../cas/action-messages.ts';
import type { QueryWriteStatusResponse, WriteRequest, WriteResponse } from '../cas/codec.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { timeLeftMs } from '../kernel/delay.ts';
import { isRunnerError } from '../kernel/errors.ts';
import { namedTopic, type Topic } from '../kernel/question.ts';
import type { BlobWriter, ContentStore } from '../model/content-store.ts';
import type { Digest } from '../model/digest.ts';
import type { MaybePromise } from '../model/maybe-promise.ts';
import { requireShortNames } from './bounded-text.ts';
import { type Compression, writeResource } from './resource-name.ts';
import { RpcError, type RpcContext } from './rpc.ts';

/** Collaborators and limits of {@link Uploads}. */
export interface UploadsOptions {
  readonly content: ContentStore;
  readonly clock: Clock;
  /** Name of the server, for the topics of its timers. */
  readonly name: string;
  /** An upload that receives nothing for this long is discarded. */
  readonly uploadIdleMs: number;
  /** Throws for a blob or a compression that the server does not take. */
  readonly check: (digest: Digest, compression: Compression) => void;
  /** Fails for data that is corrupt, truncated, or longer than `bytesMax` when decompressed. */
  readonly decompress: (
    name: Compression,
    chunks: AsyncIterable<Uint8Array>,
    bytesMax: number,
  ) => AsyncIterable<Uint8Array>;
}

/** An upload that is in progress, or was interrupted and can be resumed. */
interface Upload {
  readonly name: string;
  readonly digest: Digest;
  readonly writer: BlobWriter;
  /** The call that sends its bytes now. */
  call: { readonly stop: (error: RpcError) => void; readonly ended: Promise<void> } | undefined;
  /** Runs while no call sends its bytes; then discards it. */
  idle: Timer | undefined;
}

/** Maximum number of uploads at a time; for one more, the oldest interrupted upload is discarded. */
const UPLOADS_MAX = 1_024;
const CLOSED = 'the server is going down';
const nothing = (): void => undefined;

/** Takes what clients write, and tracks unfinished uploads. */
export class Uploads {
  readonly #options: UploadsOptions;
  readonly #content: ContentStore;
  /** By the client's name for the upload; the one interrupted earliest comes first. */
  readonly #uploads = new Map<string, Upload>();
  /** Ends calls of Write that are waiting for their clients. */
  readonly #waiting = new Set<(error: RpcError) => void>();
  readonly #topic: Topic;
  #isClosed = false;

  constructor(options: UploadsOptions) {
    this.#options = options;
    this.#content = options.content;
    this.#topic = namedTopic(options.name, 'waits for', 'uploads');
  }

  /** Number of unfinished uploads. */
  get size(): number {
    return this.#uploads.size;
  }

  /** Discards all unfinished uploads. */
  close(): void {
    this.#isClosed = true;
    for (const stop of [...this.#waiting]) stop(new RpcError('UNAVAILABLE', CLOSED));
    for (const upload of [...this.#uploads.values()]) void this.#giveUp(upload);
  }

  async write(requests: AsyncIterable<WriteRequest>, context: RpcContext): Promise<WriteResponse> {
    const { messages, wait } = this.#limited(requests);
    try {
      const call = await WriteCall.begin(messages);
      const { compression, digest } = writeResource(call.resourceName);
      this.#options.check(digest, compression);
      const missing = await this.#content.findMissing([digest], context);
      // The blob is there, so nothing else that the client sends matters. How much it would have sent is unknown if that
      // is compressed.
      if (missing.length === 0) return { committedSize: compression === 'identity' ? digest.sizeBytes : -1 };
      // A client that sends an upload again has lost its earlier call, which the server may not know yet.
      while (this.#uploads.get(call.resourceName)?.call !== undefined) {
        await this.#endCall(call.resourceName, wait, context);
      }
      const upload = this.#begin(call, digest, compression);
      const taken = this.#taken(upload, call, compression);
      upload.call = { stop: (error) => wait.stop(error), ended: taken.then(nothing, nothing) };
      try {
        return { committedSize: await taken };
      } finally {
        upload.call = undefined;
      }
    } finally {
      wait.stop(new RpcError('CANCELLED', 'the write is over'));
      await messages.return(undefined);
    }
  }

  /** Stores what a call sends of an upload; returns the number of bytes kept, as the client counts them. */
  async #taken(upload: Upload, call: WriteCall, compression: Compression): Promise<number> {
    const { writer, digest } = upload;
    // A partial compressed blob cannot be resumed.
    const isResumable = compression === 'identity';
    try {
      const chunks = isResumable
        ? call.data(writer.committedBytes, Infinity)
        : this.#decompressedParts(compression, call, digest);
      for await (const chunk of chunks) {
        await this.withRoom(() => writer.write(writer.committedBytes, chunk));
      }
      if (call.isFinished) {
        await writer.finish();
        this.#forget(upload);
        return call.sentBytes;
      }
    } catch (error) {
      // Corrupt data cannot be resumed, and an idle client is assumed gone.
      const mayComeBack = isResumable && call.failure !== undefined && !(call.failure instanceof Silence);
      if (mayComeBack) this.#leave(upload);
      else await this.#giveUp(upload);
      throw this.#isClosed ? new RpcError('UNAVAILABLE', CLOSED) : (call.failure ?? error);
    }
    if (isResumable) this.#leave(upload);
    else await this.#giveUp(upload);
    // Interrupted by the client, which can ask for the committed size and resume.
    return isResumable ? writer.committedBytes : 0;
  }

  async *#decompressedParts(
    compression: Compression,
    call: WriteCall,
    { sizeBytes }: Digest,
  ): AsyncGenerator<Uint8Array> {
    // Compression makes incompressible data slightly longer.
    const chunks = call.data(0, sizeBytes * 1.01 + 4_096);
    try {
      yield* this.#options.decompress(compression, chunks, sizeBytes);
    } catch (error) {
      // A truncated stream is not corrupt data.
      if (!call.hasEnded) throw error;
    }
  }

  /**
   * Ends the call that sends an upload; rejects if the store does not take in time what that has sent, or if the client
   * that takes it over goes meanwhile.
   */
  async #endCall(resourceName: string, wait: InterruptibleWait, { signal }: RpcContext): Promise<void> {
    const { call } = this.#uploads.get(resourceName) ?? {};
    if (call === undefined) return;
    call.stop(new RpcError('ABORTED', `${resourceName} is written by another call now`));
    const gone = (): void => wait.stop(new RpcError('CANCELLED', 'the client has gone'));
    if (signal.aborted) gone();
    signal.addEventListener('abort', gone);
    const late = (limitMs: number): RpcError => {
      const text = `the store has not taken what an earlier call has sent of ${resourceName} for ${limitMs} ms`;
      return new RpcError('ABORTED', text);
    };
    try {
      await wait.for(() => call.ended, late);
    } finally {
      signal.removeEventListener('abort', gone);
    }
  }

  #begin({ resourceName, writeOffset }: WriteCall, digest: Digest, compression: Compression): Upload {
    const known = this.#uploads.get(resourceName);
    if (writeOffset > 0 && compression === 'identity') {
      const committedBytes = known?.writer.committedBytes ?? 0;
      if (known === undefined || writeOffset !== committedBytes) {
        // Repeatable, because the client can ask where to continue: the upload may have been given up meanwhile, or
        // bytes may have come that were still on their way when it asked.
        const expected = `${committedBytes}, which QueryWriteStatus gives now`;
        throw new RpcError('ABORTED', `write_offset: expected ${expected}, got ${writeOffset}`);
      }
      known.idle?.cancel();
      return known;
    }
    // A client that starts over no longer knows how far it got.
    if (known !== undefined) void this.#giveUp(known);
    this.#checkOneMore();
    const writer = this.#content.openWrite(digest);
    const upload = { name: resourceName, digest, writer, call: undefined, idle: undefined };
    this.#uploads.set(resourceName, upload);
    return upload;
  }

  #checkOneMore(): void {
    if (this.#isClosed) throw new RpcError('UNAVAILABLE', CLOSED);
    for (const upload of this.#uploads.values()) {
      if (this.#uploads.size < UPLOADS_MAX) return;
      if (upload.call === undefined) void this.#giveUp(upload);
    }
    if (this.#uploads.size < UPLOADS_MAX) return;
    throw new RpcError('RESOURCE_EXHAUSTED', `expected at most ${UPLOADS_MAX} uploads at once, got one more`);
  }

  /** Keeps an interrupted upload, because its client may resume it. */
  #leave(upload: Upload): void {
    if (this.#uploads.get(upload.name) !== upload) return;
    // Moves it to the end, so that it is discarded last.
    this.#uploads.delete(upload.name);
    this.#uploads.set(upload.name, upload);
    const { clock, uploadIdleMs } = this.#options;
    upload.idle = clock.timer(this.#topic, uploadIdleMs, () => void this.#giveUp(upload));
  }

  #forget(upload: Upload): void {
    upload.idle?.cancel();
    if (this.#uploads.get(upload.name) === upload) this.#uploads.delete(upload.name);
  }

  /** Discards an upload and frees its space. */
  async #giveUp(upload: Upload): Promise<void> {
    this.#forget(upload);
    try {
      await upload.writer.discard();
    } catch {
      // The store must clean up: there is no caller to report it to.
    }
  }

  /** Writes; if the store is full, discards interrupted uploads and tries again. */
  async withRoom(write: () => MaybePromise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      const quiet = [...this.#uploads.values()].filter(({ call }) => call === undefined);
      if (!isRunnerError(error, 'RUNNER_STORE_FULL') || quiet.length === 0) throw error;
      // All are forgotten before the first wait, during which clients may come back.
      await Promise.all(quiet.map((upload) => this.#giveUp(upload)));
      await write();
    }
  }

  /** The messages of a client, with a limit on the wait for each. Once that is stopped, so is the sequence. */
  #limited(requests: AsyncIterable<WriteRequest>): LimitedMessages {
    const { clock, uploadIdleMs } = this.#options;
    const wait = new InterruptibleWait(clock, this.#topic, uploadIdleMs);
    const stop = (error: RpcError): void => wait.stop(error);
    const waiting = this.#waiting;
    async function* messages(): AsyncGenerator<WriteRequest, undefined> {
      const iterator = requests[Symbol.asyncIterator]();
      waiting.add(stop);
      try {
        for (;;) {
          const next = await wait.for(() => iterator.next());
          if (next.done === true) return undefined;
          yield next.value;
        }
      } finally {
        wait.end();
        waiting.delete(stop);
        // Not awaited: an iterator that waits for its client returns only when the client does.
        iterator.return?.().catch(() => undefined);
      }
    }
    return { messages: messages(), wait };
  }

  async queryStatus(resourceName: string, context: RpcContext): Promise<QueryWriteStatusResponse> {
    const { digest, compression } = writeResource(resourceName);
    const missing = await this.#content.findMissing([digest], context);
    if (missing.length === 0) return { committedSize: digest.sizeBytes, complete: true };
    // A partial compressed blob cannot be resumed.
    const upload = compression === 'identity' ? this.#uploads.get(resourceName) : undefined;
    return { committedSize: upload?.writer.committedBytes ?? 0, complete: false };
  }
}

interface LimitedMessages {
  readonly messages: AsyncGenerator<WriteRequest, undefined>;
  readonly wait: InterruptibleWait;
}

/** The client sent nothing for too long. */
class Silence extends RpcError {}

function silence(limitMs: number): Silence {
  return new Silence('DEADLINE_EXCEEDED', `expected more of the upload within ${limitMs} ms, got nothing`);
}

/**
 * Waits for one promise after another, each for a limited time; once stopped, rejects the current wait and all later
 * ones.
 */
class InterruptibleWait {
  readonly #clock: Clock;
  readonly #topic: Topic;
  readonly #limitMs: number;
  #sinceMs: number | undefined;
  #late: (limitMs: number) => RpcError = silence;
  #timer: Timer | undefined;
  #stopped: RpcError | undefined;
  #reject: ((error: RpcError) => void) | undefined;

  constructor(clock: Clock, topic: Topic, limitMs: number) {
    this.#clock = clock;
    this.#topic = topic;
    this.#limitMs = limitMs;
  }

  /** Rejects with `late` if it takes too long. */
  async for<T>(begin: () => Promise<T>, late: (limitMs: number) => RpcError = silence): Promise<T> {
    this.#sinceMs = this.#clock.now();
    this.#late = late;
    if (this.#timer === undefined) this.#watch(this.#limitMs);
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#reject = reject;
        if (this.#stopped === undefined) begin().then(resolve, reject);
        else reject(this.#stopped);
      });
    } finally {
      this.#sinceMs = undefined;
    }
  }

  stop(error: RpcError): void {
    this.#stopped ??= error;
    this.end();
    this.#reject?.(error);
  }

  end(): void {
    this.#timer?.cancel();
  }

  /** All waits share one timer, because they are many and short. */
  #watch(ms: number): void {
    this.#timer = this.#clock.timer(this.#topic, ms, () => {
      const now = this.#clock.now();
      const leftMs = timeLeftMs(this.#limitMs, this.#sinceMs ?? now, now);
      if (leftMs > 0) this.#watch(leftMs);
      else this.stop(this.#late(this.#limitMs));
    });
  }
}

/** One call of Write. Its messages are large, and kept only until they are stored. */
class WriteCall {
  readonly resourceName: string;
  /** Where the upload begins, or goes on. */
  readonly writeOffset: number;
  #first: WriteRequest | undefined;
  readonly #rest: AsyncIterable<WriteRequest>;
  /** The offset at which the next message must start. */
  sentBytes = 0;
  /** True if the client has sent everything. */
  isFinished = false;
  /** Why the call cannot continue; the upload may still be resumed. */
  failure: unknown;
  /** True if the client has ended the call without finishing the upload. */
  hasEnded = false;

  private constructor(first: WriteRequest, rest: AsyncIterable<WriteRequest>) {
    this.resourceName = first.resourceName;
    this.writeOffset = first.writeOffset;
    this.#first = first;
    this.#rest = rest;
  }

  /** @throws RpcError (rejects) `INVALID_ARGUMENT` for a first message that is missing, or whose names are too long. */
  static async begin(messages: AsyncGenerator<WriteRequest, undefined>): Promise<WriteCall> {
    const { value: first } = await messages.next();
    if (first === undefined) throw badField('resource_name', 'a first message that names a blob', '');
    requireShortNames(first);
    return new WriteCall(first, messages);
  }

  /** The data of the messages, from `offset` on. */
  async *data(offset: number, bytesMax: number): AsyncGenerator<Uint8Array> {
    this.sentBytes = offset;
    try {
      for await (const request of this.#messages()) {
        this.#take(request, bytesMax);
        if (request.data.length > 0) yield request.data;
        if (this.isFinished) return;
      }
      this.hasEnded = true;
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  async *#messages(): AsyncGenerator<WriteRequest> {
    yield* this.#takeFirst();
    yield* this.#rest;
  }

  *#takeFirst(): Generator<WriteRequest> {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined) yield first;
  }

  #take({ resourceName, writeOffset, finishWrite, data }: WriteRequest, bytesMax: number): void {
    if (resourceName !== '' && resourceName !== this.resourceName) {
      throw badField('resource_name', 'the same in all messages of a call', resourceName);
    }
    if (writeOffset !== this.sentBytes) {
      const expected = `${this.sentBytes}, where the bytes that came before end`;
      throw badField('write_offset', expected, writeOffset);
    }
    this.sentBytes += data.length;
    if (this.sentBytes > bytesMax) {
      throw badField('data', `at most ${Math.floor(bytesMax)} bytes`, this.sentBytes);
    }
    this.isFinished = finishWrite;
  }
}
