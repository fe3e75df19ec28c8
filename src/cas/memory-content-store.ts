/**
 * A content store in memory. Invariants: every blob matches the digest under which it is stored; blobs that are held
 * are never evicted, and the store rejects a new blob rather than evict one; bytes are copied on the way in and out.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { RunnerError } from '../kernel/errors.ts';
import {
  BLOB_BYTES,
  BLOB_RANGE,
  checkOffset,
  givenUp,
  type BlobHold,
  type BlobRange,
  type BlobWriter,
  type ContentStore,
  MissingBlobsError,
  wrongDigest,
} from '../model/content-store.ts';
import { checkDigest, checkDigests, type Digest, digestKey } from '../model/digest.ts';
import { digestOf } from './digest-of.ts';
import { BlobHolds } from './blob-holds.ts';

/** Maximum size of the chunks in which a blob is read. */
const CHUNK_BYTES = 65_536;

/** Options of {@link createMemoryContentStore}. */
export interface MemoryContentStoreOptions {
  /** Capacity in bytes; the least recently used blob is evicted first. Default Infinity: nothing is evicted. */
  readonly maxBytes?: number;
}

const OPTIONS = is.optionsOf<MemoryContentStoreOptions>({}, { maxBytes: is.limit() });

/** A content store in memory. */
export interface MemoryContentStore extends ContentStore {
  /** Total size of all blobs in bytes. */
  readonly sizeBytes: number;
  /** Digest texts (`formatDigest`) of all blobs, the next to be evicted first; in the order of arrival without `maxBytes`. */
  readonly keys: Iterable<string>;
  findMissing(digests: readonly Digest[]): readonly Digest[];
  read(digest: Digest, range?: BlobRange): Uint8Array;
  write(digest: Digest, bytes: Uint8Array): void;
  holdAlong(held: Digest, digests: readonly Digest[]): void;
  /** Stores content under its own digest. */
  add(content: string | Uint8Array): Digest;
  /** True if the blob is there and not held. */
  canEvict(digest: Digest): boolean;
  /** Removes a blob, like an eviction. False if it is not there, or is held. */
  evict(digest: Digest): boolean;
}

/** The requested range of the bytes. */
function inRange(bytes: Uint8Array, { offset = 0, limit = Infinity }: BlobRange = {}): Uint8Array {
  checkOffset(offset, bytes.length);
  return bytes.slice(offset, Math.min(bytes.length, offset + limit));
}

class MemoryBlobs implements MemoryContentStore {
  readonly cancelBoundMs = 0;
  readonly blobBytesMax: number;
  readonly #maxBytes: number;
  /** In order of use, the most recent last; in the order of arrival if nothing is ever evicted. */
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #holds = new BlobHolds();
  #sizeBytes = 0;
  /** Bytes reserved for blobs that are being written in chunks. */
  #reserved = 0;

  constructor({ maxBytes = Infinity }: MemoryContentStoreOptions) {
    this.#maxBytes = maxBytes;
    this.blobBytesMax = maxBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get keys(): Iterable<string> {
    return this.#blobs.keys();
  }

  findMissing(digests: readonly Digest[]): readonly Digest[] {
    checkDigests('digests', digests);
    const missing = new Map<string, Digest>();
    for (const digest of digests) if (this.#use(digest) === undefined) missing.set(digestKey(digest), digest);
    return [...missing.values()];
  }

  read(digest: Digest, range?: BlobRange): Uint8Array {
    checkDigest('digest', digest);
    if (range !== undefined) check('range', range, BLOB_RANGE);
    const bytes = this.#use(digest);
    if (bytes === undefined) throw new MissingBlobsError([digest]);
    return inRange(bytes, range);
  }

  async *readStream(digest: Digest, range?: BlobRange): AsyncIterable<Uint8Array> {
    const bytes = this.read(digest, range);
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
  }

  write(digest: Digest, bytes: Uint8Array): void {
    checkDigest('digest', digest);
    check('bytes', bytes, BLOB_BYTES);
    const actual = digestKey(digestOf(bytes));
    if (actual !== digestKey(digest)) throw wrongDigest(digest, actual);
    this.#keep(digestKey(digest), bytes);
  }

  add(content: string | Uint8Array): Digest {
    const digest = digestOf(content);
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    this.#keep(digestKey(digest), bytes);
    return digest;
  }

  openWrite(digest: Digest): BlobWriter {
    checkDigest('digest', digest);
    return new MemoryWriter(digest, {
      reserve: (bytes) => this.#reserve(bytes, digest.sizeBytes),
      free: (bytes) => {
        this.#reserved -= bytes;
      },
      keep: (bytes) => this.write(digest, bytes),
    });
  }

  hold(digests: readonly Digest[]): BlobHold {
    checkDigests('digests', digests);
    return { release: this.#holds.add(digests.map(digestKey)) };
  }

  holdAlong(held: Digest, digests: readonly Digest[]): void {
    checkDigest('held', held);
    checkDigests('digests', digests);
    this.#holds.addAlong(digestKey(held), digests.map(digestKey));
  }

  canEvict(digest: Digest): boolean {
    checkDigest('digest', digest);
    const key = digestKey(digest);
    return this.#blobs.has(key) && !this.#holds.has(key);
  }

  evict(digest: Digest): boolean {
    return this.canEvict(digest) && this.#remove(digestKey(digest));
  }

  #use(digest: Digest): Uint8Array | undefined {
    const key = digestKey(digest);
    const bytes = this.#blobs.get(key);
    if (bytes === undefined) return digest.sizeBytes === 0 ? EMPTY : undefined;
    this.#noteUse(key, bytes);
    return bytes;
  }

  #noteUse(key: string, bytes: Uint8Array): void {
    if (this.#maxBytes === Infinity) return;
    this.#blobs.delete(key);
    this.#blobs.set(key, bytes);
  }

  #keep(key: string, bytes: Uint8Array): void {
    const had = this.#blobs.get(key);
    if (had !== undefined) {
      this.#noteUse(key, had);
      return;
    }
    this.#makeRoom(bytes.length);
    this.#blobs.set(key, bytes.slice());
    this.#sizeBytes += bytes.length;
  }

  /** Checks the whole size first: a blob that can never fit must not evict others. */
  #reserve(bytes: number, wholeBytes: number): void {
    if (wholeBytes > this.#maxBytes) throw this.#full(wholeBytes);
    this.#makeRoom(bytes);
    this.#reserved += bytes;
  }

  /** Evicts nothing if all that may go is not enough. */
  #makeRoom(bytes: number): void {
    let free = this.#free();
    if (free >= bytes) return;
    const going: string[] = [];
    for (const [key, { length }] of this.#blobs) {
      if (free >= bytes) break;
      if (this.#holds.has(key)) continue;
      going.push(key);
      free += length;
    }
    if (free < bytes) throw this.#full(bytes, free);
    for (const key of going) this.#remove(key);
  }

  #free(): number {
    return this.#maxBytes - this.#sizeBytes - this.#reserved;
  }

  #full(bytes: number, free: number = this.#free()): RunnerError {
    const message = `expected room for ${bytes} B, got ${free} B of ${this.#maxBytes} B`;
    return new RunnerError('RUNNER_STORE_FULL', message, { actual: bytes });
  }

  #remove(key: string): boolean {
    const bytes = this.#blobs.get(key);
    if (bytes === undefined) return false;
    this.#sizeBytes -= bytes.length;
    return this.#blobs.delete(key);
  }
}

const EMPTY = new Uint8Array();

/** What a writer needs from its store. */
interface WriterRoom {
  /** Throws `RUNNER_STORE_FULL`. */
  readonly reserve: (bytes: number) => void;
  readonly free: (bytes: number) => void;
  readonly keep: (bytes: Uint8Array) => void;
}

class MemoryWriter implements BlobWriter {
  committedBytes = 0;
  readonly #digest: Digest;
  readonly #room: WriterRoom;
  #parts: Uint8Array[] = [];
  #state: 'open' | 'finished' | 'given up' = 'open';

  constructor(digest: Digest, room: WriterRoom) {
    this.#digest = digest;
    this.#room = room;
  }

  write(offset: number, chunk: Uint8Array): void {
    check('offset', offset, is.COUNT);
    check('chunk', chunk, BLOB_BYTES);
    if (this.#state !== 'open' || offset !== this.committedBytes) {
      const message = `expected offset ${this.committedBytes} of a blob that is not finished, got ${offset}`;
      throw new RunnerError('RUNNER_INVALID_ARGUMENT', message, { actual: offset });
    }
    // A longer blob can never match its digest, and would only fill the memory.
    if (offset + chunk.length > this.#digest.sizeBytes) {
      throw wrongDigest(this.#digest, `${offset + chunk.length} B or more`);
    }
    this.#room.reserve(chunk.length);
    this.#parts.push(chunk.slice());
    this.committedBytes += chunk.length;
  }

  finish(): void {
    if (this.#state === 'finished') return;
    if (this.#state === 'given up') throw givenUp(this.#digest);
    const bytes = new Uint8Array(this.committedBytes);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    this.discard();
    this.#room.keep(bytes);
    this.#state = 'finished';
  }

  discard(): void {
    if (this.#state !== 'open') return;
    this.#state = 'given up';
    this.#parts = [];
    this.#room.free(this.committedBytes);
  }
}

/**
 * Creates a content store in memory, which answers synchronously.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a `maxBytes` below 0.
 * @example
 * ```ts
 * import { createMemoryContentStore } from 'dryrunner/remote';
 * const store = createMemoryContentStore({ maxBytes: 1_000_000 });
 * const digest = store.add('hello');
 * console.log(store.findMissing([digest]).length, new TextDecoder().decode(store.read(digest))); // 0 hello
 * ```
 */
export function createMemoryContentStore(options: MemoryContentStoreOptions = {}): MemoryContentStore {
  check('options', options, OPTIONS);
  return new MemoryBlobs(options);
}
