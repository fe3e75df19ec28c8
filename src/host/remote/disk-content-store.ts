/**
 * Blobs in a folder. Invariants: a blob appears complete or not at all, and bytes that do not match their digest are
 * never returned for it; a process that is killed leaves only files that are swept away later. Several processes may
 * share the folder.
 */
import * as is from '../../kernel/shape.ts';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readFile, type FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import { check } from '../../kernel/argument-check.ts';
import { isCancelled, type Cancellable } from '../../model/cancellation.ts';
import {
  BLOB_BYTES,
  BLOB_RANGE,
  checkOffset,
  wrongDigest,
  type BlobHold,
  type BlobRange,
  type BlobWriter,
  type ContentStore,
  MissingBlobsError,
} from '../../model/content-store.ts';
import { checkDigest, checkDigests, digestKey, type Digest } from '../../model/digest.ts';
import { cancelledOperation } from '../../filers/filer-error.ts';
import { NotRegularError, openRegularFile, readIfRegular, replaceWith } from '../regular-file.ts';
import { BLOB_FOLDERS, blobPath, incomingPath } from './blob-files.ts';
import { DiskHolds } from './disk-holds.ts';
import { DiskRoom } from './disk-room.ts';
import { DiskWriter } from './disk-writer.ts';
import { isNothingThere, removeQuietly, statsAt, StoreFolders } from './store-folder.ts';
import { type Sharing, StoreLease, unshared } from './store-lease.ts';
import { giveTurns, isTurnDue } from './turns.ts';

/** Options of {@link createDiskContentStore}. */
export interface DiskContentStoreOptions {
  /** The folder; made if it is missing. */
  readonly dir: string;
  /** How many bytes of blobs it keeps; the least recently used go first. Default Infinity: nothing is evicted. */
  readonly maxBytes?: number;
  /**
   * Gets a sentence, the same one once an hour, about trouble that its callers can do nothing about: the folder was
   * removed and cannot be made again, or the disk is full although the store may keep more.
   */
  readonly onTrouble?: (text: string) => void;
}

const OPTIONS = is.optionsOf<DiskContentStoreOptions>(
  { dir: is.text('a path', /^[^\0]+$/) },
  { maxBytes: is.limit(), onTrouble: is.FUNCTION },
);

/** A content store in a folder. Must be closed. */
export interface DiskContentStore extends ContentStore {
  /**
   * Approximate number of bytes in the store, because other processes may have added or removed some. The first use may
   * have to count the blobs that were there.
   */
  readonly sizeBytes: number;
  /** Keeps these blobs for as long as the blob `held` is held. */
  holdAlong(held: Digest, digests: readonly Digest[]): void;
  /** Ends the store's background work and discards writers that are open; the blobs stay. */
  close(): void;
}

/** Smaller blobs are read synchronously: that is faster than handing them to another thread. */
const SMALL_BYTES = 64 * 1024;
/** Fits into a message of most clients, which accept 4 MiB. */
const CHUNK_BYTES = 1024 * 1024;
const EMPTY: Buffer = Buffer.alloc(0);

function throwIfCancelled(cancel: Cancellable | undefined): void {
  if (isCancelled(cancel)) throw cancelledOperation('the call of the content store');
}

class DiskBlobs implements DiskContentStore {
  readonly cancelBoundMs = 5_000;
  readonly blobBytesMax: number;
  readonly #root: string;
  readonly #folders: StoreFolders;
  readonly #lease: Sharing;
  readonly #holds: DiskHolds;
  readonly #room: DiskRoom;
  /** Writers of blobs that arrive in parts. */
  readonly #writers = new Set<DiskWriter>();

  constructor(
    { dir, maxBytes = Infinity, onTrouble }: DiskContentStoreOptions,
    leaseIn: (root: string) => Sharing,
  ) {
    const root = resolve(dir);
    this.#root = root;
    this.blobBytesMax = maxBytes;
    this.#folders = new StoreFolders(root, BLOB_FOLDERS, onTrouble);
    this.#lease = leaseIn(root);
    this.#holds = new DiskHolds(root, this.#lease);
    const parts = { root, maxBytes, folders: this.#folders, lease: this.#lease, holds: this.#holds };
    this.#room = new DiskRoom(parts);
  }

  get sizeBytes(): number {
    return this.#room.sizeBytes;
  }

  close(): void {
    for (const writer of [...this.#writers]) writer.discard();
    this.#holds.close();
    this.#lease.close();
  }

  async findMissing(digests: readonly Digest[], cancel?: Cancellable): Promise<readonly Digest[]> {
    checkDigests('digests', digests);
    throwIfCancelled(cancel);
    const missing = new Map<string, Digest>();
    for (const digest of digests) {
      if (isTurnDue()) await giveTurns();
      throwIfCancelled(cancel);
      if (!this.#isThere(digest)) missing.set(digestKey(digest), digest);
    }
    return [...missing.values()];
  }

  async read(digest: Digest, range: BlobRange = {}, cancel?: Cancellable): Promise<Uint8Array> {
    checkDigest('digest', digest);
    check('range', range, BLOB_RANGE);
    await giveTurns();
    throwIfCancelled(cancel);
    const { offset = 0, limit = Infinity } = range;
    if (digest.sizeBytes > SMALL_BYTES) {
      const parts: Uint8Array[] = [];
      for await (const part of this.readStream(digest, range, cancel)) parts.push(part);
      return Buffer.concat(parts);
    }
    const bytes = digest.sizeBytes === 0 ? EMPTY : this.#readSmall(digest);
    checkOffset(offset, digest.sizeBytes);
    return offset === 0 && limit >= bytes.length ? bytes : bytes.subarray(offset, offset + limit);
  }

  #readSmall(digest: Digest): Buffer {
    const path = blobPath(this.#root, digest);
    // A request with another size is for another blob, and does not show that this one is damaged.
    const stats = this.#looking(() => statsAt(path));
    if (stats?.size !== digest.sizeBytes) throw new MissingBlobsError([digest]);
    const bytes = this.#looking(() => readIfRegular(path));
    if (bytes === undefined) throw new MissingBlobsError([digest]);
    const actual = createHash('sha256').update(bytes).digest('hex');
    if (actual !== digest.hash) throw this.#damaged(digest, bytes.length, actual);
    this.#holds.touch(digest, path);
    return bytes;
  }

  async *readStream(digest: Digest, range: BlobRange = {}, cancel?: Cancellable): AsyncGenerator<Uint8Array> {
    checkDigest('digest', digest);
    check('range', range, BLOB_RANGE);
    const { offset = 0, limit = Infinity } = range;
    if (digest.sizeBytes === 0) {
      checkOffset(offset, digest.sizeBytes);
      return;
    }
    const file = await this.#open(digest);
    let coming = Promise.resolve(EMPTY);
    try {
      checkOffset(offset, digest.sizeBytes);
      const end = Math.min(digest.sizeBytes, offset + limit);
      // Only the complete bytes can be compared with the digest.
      const hash = offset === 0 && end === digest.sizeBytes ? createHash('sha256') : undefined;
      // Reads the next chunk while the consumer works on this one.
      coming = readAhead(file, offset, end);
      for (let at = offset; at < end;) {
        const chunk = await coming.catch((error: unknown) => {
          throw this.#folders.failure(error);
        });
        throwIfCancelled(cancel);
        if (chunk.length === 0) throw this.#damaged(digest, at, 'an end');
        at += chunk.length;
        coming = readAhead(file, at, end);
        hash?.update(chunk);
        const isWhole = at < end || hash === undefined || hash.digest('hex') === digest.hash;
        if (!isWhole) throw this.#damaged(digest, at, 'other bytes');
        yield chunk;
      }
    } finally {
      await coming.catch(() => undefined);
      await file.close();
    }
  }

  async #open(digest: Digest): Promise<FileHandle> {
    const path = blobPath(this.#root, digest);
    try {
      const { file, bytes } = await openRegularFile(path, { follow: true });
      if (bytes === digest.sizeBytes) {
        this.#holds.touch(digest, path);
        return file;
      }
      await file.close();
      // A request with another size is for another blob, and does not show that this one is damaged.
      throw new MissingBlobsError([digest]);
    } catch (error) {
      const isNothing = isNothingThere(error) || error instanceof NotRegularError;
      throw isNothing ? new MissingBlobsError([digest], error) : this.#folders.failure(error);
    }
  }

  /** Removes a damaged blob, so that it is missing from now on and can be stored again. */
  #damaged(digest: Digest, bytes: number, actual: string): MissingBlobsError {
    // If it stays, it is found damaged again.
    removeQuietly(blobPath(this.#root, digest));
    return new MissingBlobsError([digest], wrongDigest(digest, `${actual}/${bytes}`));
  }

  async write(digest: Digest, bytes: Uint8Array, cancel?: Cancellable): Promise<void> {
    checkDigest('digest', digest);
    check('bytes', bytes, BLOB_BYTES);
    if (isTurnDue()) await giveTurns();
    throwIfCancelled(cancel);
    const actual = createHash('sha256').update(bytes).digest('hex');
    if (actual !== digest.hash || bytes.length !== digest.sizeBytes) {
      throw wrongDigest(digest, `${actual}/${bytes.length}`);
    }
    if (digest.sizeBytes === 0) return;
    // Comparing costs less than hashing did, and what was damaged on the disk is replaced.
    if (this.#isThere(digest) && (await this.#has(digest, bytes))) return;
    await this.#room.write(bytes.length, () => this.#writeWhole(digest, bytes));
  }

  /** True if the file of the blob has exactly these bytes. */
  async #has(digest: Digest, bytes: Uint8Array): Promise<boolean> {
    const path = blobPath(this.#root, digest);
    try {
      const there = bytes.length <= SMALL_BYTES ? readIfRegular(path) : await readFile(path);
      return there?.equals(bytes) === true;
    } catch {
      // Whatever keeps it from being read, it can be replaced.
      return false;
    }
  }

  /** Synchronous, so that on a full disk no two calls take from each other what is free, with neither of them done. */
  #writeWhole(digest: Digest, bytes: Uint8Array): void {
    const incoming = incomingPath(this.#root);
    try {
      writeFileSync(incoming, bytes, { flag: 'wx' });
      this.#adopt(incoming, digest);
    } catch (error) {
      removeQuietly(incoming);
      throw error;
    }
  }

  openWrite(digest: Digest): BlobWriter {
    checkDigest('digest', digest);
    const writer = new DiskWriter(digest, {
      path: incomingPath(this.#root),
      write: (bytes, write) => this.#room.write(bytes, write, digest.sizeBytes),
      free: (bytes) => this.#room.free(bytes),
      moveIn: (move) => this.#room.moveIn(move),
      adopt: (incoming) => this.#adopt(incoming, digest),
      ended: () => this.#writers.delete(writer),
    });
    this.#writers.add(writer);
    return writer;
  }

  hold(digests: readonly Digest[]): BlobHold {
    return this.#holds.hold(digests);
  }

  holdAlong(held: Digest, digests: readonly Digest[]): void {
    this.#holds.holdAlong(held, digests);
  }

  /** Moves a file into the store, whose reserved room it takes. */
  #adopt(incoming: string, digest: Digest): void {
    const path = blobPath(this.#root, digest);
    const stats = statsAt(path);
    const had = stats?.isFile() === true ? stats.size : 0;
    replaceWith(incoming, path);
    this.#room.take(digest, had);
    this.#holds.note(digestKey(digest), Date.now());
  }

  #isThere(digest: Digest): boolean {
    if (digest.sizeBytes === 0) return true;
    const path = blobPath(this.#root, digest);
    const stats = this.#looking(() => statsAt(path));
    if (stats?.isFile() !== true || stats.size !== digest.sizeBytes) return false;
    return this.#holds.touch(digest, path);
  }

  /** The result of looking at the folder; throws what callers get if that fails. */
  #looking<T>(look: () => T): T {
    try {
      return look();
    } catch (error) {
      throw this.#folders.failure(error);
    }
  }
}

/** Begins a read whose error waits for its caller: until that takes the chunk, the error is not an unhandled one. */
function readAhead(file: FileHandle, from: number, end: number): Promise<Buffer> {
  const chunk = readChunk(file, from, end);
  chunk.catch(() => undefined);
  return chunk;
}

/** A new buffer for each chunk, because its consumer may keep it. */
async function readChunk(file: FileHandle, from: number, end: number): Promise<Buffer> {
  if (from >= end) return EMPTY;
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - from));
  const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
  return buffer.subarray(0, bytesRead);
}

/**
 * Makes a content store in a folder. Processes may share it, and be killed at any time.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid options; the system's error if the folder cannot be made.
 * @example
 * ```ts
 * import { mkdtemp, rm } from 'node:fs/promises';
 * import { createDiskContentStore } from 'dryrunner/host';
 * import { digestOf } from 'dryrunner/remote';
 * const dir = await mkdtemp('/tmp/cas-');
 * const store = createDiskContentStore({ dir, maxBytes: 1_000_000_000 });
 * const bytes = new TextEncoder().encode('hello');
 * await store.write(digestOf(bytes), bytes);
 * console.log(new TextDecoder().decode(await store.read(digestOf(bytes)))); // hello
 * store.close();
 * await rm(dir, { recursive: true });
 * ```
 */
export function createDiskContentStore(options: DiskContentStoreOptions): DiskContentStore {
  check('options', options, OPTIONS);
  return new DiskBlobs(options, (root) => new StoreLease(root));
}

/**
 * As {@link createDiskContentStore}, in a folder that no other process uses. Between calls it does nothing there, so that
 * it does nothing in a folder that others have put in the place of its own.
 */
export function createUnsharedContentStore(options: DiskContentStoreOptions): DiskContentStore {
  check('options', options, OPTIONS);
  return new DiskBlobs(options, unshared);
}
