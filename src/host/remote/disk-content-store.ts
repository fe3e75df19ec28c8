/**
 * Blobs in a folder. Invariants: a blob appears complete or not at all, and bytes that do not match their digest are
 * never returned for it; neither this process nor another evicts a blob that is held by one that runs; a process that
 * is killed leaves only files that are swept away later.
 *
 * Several processes may share the folder. Each touches the blobs that it holds, again and again, and says in its lease
 * (store-lease.ts) since when it has touched them all: no process can hold a blob that was last touched before all of
 * these times. What a process holds that stands still, because it was stopped, may be evicted, and is missing to it when
 * it continues.
 */
import * as is from '../../kernel/shape.ts';
import { createHash, type Hash } from 'node:crypto';
import {
  closeSync,
  openSync,
  renameSync,
  statfsSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { readFile, unlink, type FileHandle } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BlobHolds } from '../../cas/blob-holds.ts';
import { check } from '../../kernel/argument-check.ts';
import { RunnerError } from '../../kernel/errors.ts';
import { isCancelled, type Cancellable } from '../../model/cancellation.ts';
import {
  BLOB_BYTES,
  BLOB_RANGE,
  checkOffset,
  givenUp,
  wrongDigest,
  type BlobHold,
  type BlobRange,
  type BlobWriter,
  type ContentStore,
  MissingBlobsError,
} from '../../model/content-store.ts';
import { checkDigest, checkDigests, digestKey, type Digest } from '../../model/digest.ts';
import { OUT_OF_QUOTA } from '../../model/system-error.ts';
import { cancelledOperation } from '../../filers/filer-error.ts';
import { ownName } from '../own-name.ts';
import { NotRegularError, openRegularFile, readIfRegular, replaceWith } from '../regular-file.ts';
import {
  asStoreError,
  isNothingThere,
  namesIn,
  removeQuietly,
  statsAt,
  StoreFolders,
} from './store-folder.ts';
import { type Holding, StoreLease } from './store-lease.ts';
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
  holdAlong(held: Digest, digests: readonly Digest[]): void;
  /** Ends the store's background work; the blobs stay. */
  close(): void;
}

/** Smaller blobs are read synchronously: that is faster than handing them to another thread. */
const SMALL_BYTES = 64 * 1024;
/** Fits into a message of most clients, which accept 4 MiB. */
const CHUNK_BYTES = 1024 * 1024;
/**
 * A blob touched less than this ago is not touched again, so its last use, or the start of a hold, may be this much
 * later than its time of touch.
 */
const TOUCH_MS = 1_000;
/** How often a process that shares the folder touches what it holds, which spares all else that was used since. */
const TOUCH_AGAIN_MS = 10_000;
/**
 * How often a call evicts on a full disk, because others may take the room that it has made. The store must not be emptied
 * where evicting does not help: where snapshots keep what is removed, or another program fills the disk.
 */
const DISK_EVICTIONS_MAX = 3;
/** Eviction frees more than it needs, so that the next blob does not start another one. */
const EVICT_TO = 0.9;
const EMPTY: Buffer = Buffer.alloc(0);
/** The name of a blob with that of its folder. */
const BLOB = /^[0-9a-f]{64}$/;
/** Blobs lie in folders by the first byte of their hash. */
const FOLDERS: readonly string[] = [
  'incoming',
  'leases',
  ...Array.from({ length: 256 }, (_, byte) => join('objects', byte.toString(16).padStart(2, '0'))),
];

function throwIfCancelled(cancel: Cancellable | undefined): void {
  if (isCancelled(cancel)) throw cancelledOperation('the call of the content store');
}

/** A blob as it is on the disk. */
interface StoredBlob {
  readonly path: string;
  readonly key: string;
  readonly bytes: number;
  readonly usedMs: number;
}

class DiskBlobs implements DiskContentStore {
  readonly cancelBoundMs = 5_000;
  readonly blobBytesMax: number;
  readonly #root: string;
  readonly #folders: StoreFolders;
  readonly #maxBytes: number;
  readonly #lease: StoreLease;
  readonly #touching: NodeJS.Timeout;
  #isTouching = false;
  /** When a blob was last touched by this process. */
  readonly #touched = new Map<string, number>();
  /** Writers of blobs that arrive in parts. */
  readonly #writers = new Set<DiskWriter>();
  /** The holds of this process. */
  readonly #held = new BlobHolds();
  /** Unknown until the blobs have been counted, which takes long if there are many. */
  #sizeBytes = 0;
  #isCounted = false;
  /** Bytes reserved for blobs that are being written. */
  #reserved = 0;
  /** What has been added since each scan in progress began, by key. */
  readonly #addedSince = new Set<Map<string, number>>();
  /** How many bytes have been evicted since the store was opened. */
  #evicted = 0;
  #scanned: Promise<void> | undefined;
  #evicting: Promise<void> | undefined;

  constructor({ dir, maxBytes = Infinity, onTrouble }: DiskContentStoreOptions) {
    this.#root = resolve(dir);
    this.#maxBytes = maxBytes;
    this.blobBytesMax = maxBytes;
    this.#folders = new StoreFolders(this.#root, FOLDERS, onTrouble);
    this.#lease = new StoreLease(this.#root, TOUCH_MS);
    // If the folder cannot be read for a moment, the next time does.
    const again = (): void => void this.#touchHeld().catch(() => undefined);
    this.#touching = setInterval(again, TOUCH_AGAIN_MS);
    this.#touching.unref();
  }

  get sizeBytes(): number {
    if (!this.#isCounted) this.#count([...this.#stored()], []);
    return this.#sizeBytes;
  }

  close(): void {
    for (const writer of [...this.#writers]) writer.discard();
    clearInterval(this.#touching);
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
    const path = this.#pathOf(digest);
    // A request with another size is for another blob, and does not show that this one is damaged.
    const stats = this.#looking(() => statsAt(path));
    if (stats?.size !== digest.sizeBytes) throw new MissingBlobsError([digest]);
    const bytes = this.#looking(() => readIfRegular(path));
    if (bytes === undefined) throw new MissingBlobsError([digest]);
    const actual = createHash('sha256').update(bytes).digest('hex');
    if (actual !== digest.hash) throw this.#damaged(digest, bytes.length, actual);
    this.#touch(digest, path);
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
    const path = this.#pathOf(digest);
    try {
      const { file, bytes } = await openRegularFile(path, { follow: true });
      if (bytes === digest.sizeBytes) {
        this.#touch(digest, path);
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
    removeQuietly(this.#pathOf(digest));
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
    await this.#reserve(bytes.length);
    try {
      await this.#adding(bytes.length, () => this.#writeWhole(digest, bytes));
    } catch (error) {
      this.#free(bytes.length);
      throw error;
    }
  }

  /** True if the file of the blob has exactly these bytes. */
  async #has(digest: Digest, bytes: Uint8Array): Promise<boolean> {
    const path = this.#pathOf(digest);
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
    const incoming = this.#newIncoming();
    try {
      writeFileSync(incoming, bytes, { flag: 'wx' });
      this.#adopt(incoming, digest);
    } catch (error) {
      removeQuietly(incoming);
      throw error;
    }
  }

  /**
   * Adds reserved bytes to the folder. If that fails because the folder was removed, or because the disk is full although
   * the store may keep more, it does something about that and tries again.
   */
  async #adding(bytes: number, add: () => void): Promise<void> {
    let isMadeAgain = false;
    for (let evictions = 0; ;) {
      try {
        add();
        return;
      } catch (error) {
        if (!isMadeAgain && this.#folders.areMadeAgain(error)) {
          isMadeAgain = true;
          this.#startOver();
        } else if (this.#maxBytes === Infinity || !isDiskFull(error)) {
          throw this.#folders.failure(asStoreError(error, bytes));
        } else if (this.#evicting !== undefined) {
          // It makes room for another blob, and perhaps for this one as well.
          await this.#evicting;
        } else {
          evictions += 1;
          const hasRoom = evictions <= DISK_EVICTIONS_MAX && (await this.#makesRoomOnDisk(bytes));
          if (!hasRoom) throw asStoreError(error, bytes);
        }
      }
    }
  }

  /** Whatever the store had is gone with its folder. */
  #startOver(): void {
    this.#lease.renew();
    this.#touched.clear();
    this.#scanned = undefined;
    this.#isCounted = false;
  }

  /** Evicts blobs because the disk is full; false if none may go, or not enough of them. */
  async #makesRoomOnDisk(bytes: number): Promise<boolean> {
    const free = freeBytesAt(this.#root);
    const evictedBefore = this.#evicted;
    // The bytes are among those used, because they are reserved. If there seems to be enough for them, something else
    // has run out, such as the quota of the user.
    await this.#evictOnce(0, (used) => used - bytes + (free < bytes ? free : 0));
    if (this.#evicted === evictedBefore) return false;
    this.#folders.say(
      `the disk of ${this.#root} is full, although the store may keep ${this.#maxBytes} B: ` +
        'what was not used for longest is evicted earlier',
    );
    return true;
  }

  openWrite(digest: Digest): BlobWriter {
    checkDigest('digest', digest);
    const writer = new DiskWriter(digest, {
      path: this.#newIncoming(),
      reserve: (bytes) => this.#reserve(bytes, digest.sizeBytes),
      free: (bytes) => this.#free(bytes),
      adding: (bytes, add) => this.#adding(bytes, add),
      adopt: (incoming) => {
        // Its last bytes may have arrived long ago.
        utimesSync(incoming, Date.now() / 1_000, Date.now() / 1_000);
        this.#adopt(incoming, digest);
      },
      ended: () => this.#writers.delete(writer),
    });
    this.#writers.add(writer);
    return writer;
  }

  hold(digests: readonly Digest[]): BlobHold {
    checkDigests('digests', digests);
    const release = this.#held.add(digests.map(digestKey));
    void this.#touchAll(digests);
    const lease: Holding = { sinceMs: Date.now() };
    this.#lease.holds.add(lease);
    return {
      release: () => {
        this.#lease.holds.delete(lease);
        release();
      },
    };
  }

  /** Other processes spare them too, because they are touched after the hold began. */
  holdAlong(held: Digest, digests: readonly Digest[]): void {
    checkDigest('held', held);
    checkDigests('digests', digests);
    this.#held.addAlong(digestKey(held), digests.map(digestKey));
    void this.#touchAll(digests);
  }

  /** Shows other processes that the blobs are in use; runs synchronously if there are few of them. */
  async #touchAll(digests: readonly Digest[]): Promise<void> {
    const beganMs = performance.now();
    for (const digest of digests) {
      if (isTurnDue(beganMs)) await giveTurns();
      this.#touch(digest, this.#pathOf(digest));
    }
  }

  /** Touches all that is held, so that other processes need not spare what was used before. */
  async #touchHeld(): Promise<void> {
    if (this.#isTouching || this.#lease.isAlone()) return;
    this.#isTouching = true;
    const sinceMs = Date.now();
    const holds = [...this.#lease.holds];
    for (const key of this.#held.keys()) {
      if (isTurnDue()) await giveTurns();
      this.#touchFile(key, this.#pathOf({ hash: key.slice(0, key.indexOf('/')) }), Date.now());
    }
    for (const hold of holds) hold.sinceMs = sinceMs;
    this.#isTouching = false;
  }

  /** A name for a file that is being written. */
  #newIncoming(): string {
    return join(this.#root, 'incoming', ownName());
  }

  /**
   * Reserves room for that many bytes of a blob of `wholeBytes` until `#free` is called.
   *
   * @throws RunnerError (rejects) `RUNNER_STORE_FULL`.
   */
  async #reserve(bytes: number, wholeBytes: number = bytes): Promise<void> {
    // A blob that can never fit must not evict others.
    if (wholeBytes > this.#maxBytes) throw this.#full(wholeBytes);
    if (this.#maxBytes !== Infinity) {
      await this.#scanOnce();
      for (let isOwn = false; !this.#fits(bytes);) {
        if (isOwn) throw this.#full(bytes);
        // An eviction in progress makes room for another blob, and perhaps for this one as well.
        isOwn = this.#evicting === undefined;
        await this.#evictOnce(bytes, () => this.#maxBytes);
      }
    }
    this.#reserved += bytes;
  }

  /** Evicts, or waits for an eviction in progress. */
  async #evictOnce(bytes: number, limitFor: (usedBytes: number) => number): Promise<void> {
    this.#evicting ??= this.#evict(bytes, limitFor).finally(() => {
      this.#evicting = undefined;
    });
    await this.#evicting;
  }

  /** Gives back room that `#reserve` reserved. */
  #free(bytes: number): void {
    this.#reserved -= bytes;
  }

  #fits(bytes: number): boolean {
    return this.#sizeBytes + this.#reserved + bytes <= this.#maxBytes;
  }

  #full(bytes: number): RunnerError {
    const free = Math.max(0, this.#maxBytes - this.#sizeBytes - this.#reserved);
    const message = `expected room for ${bytes} B, got ${free} B of ${this.#maxBytes} B`;
    return new RunnerError('RUNNER_STORE_FULL', message, { actual: bytes });
  }

  /** If the scan fails, the next caller repeats it. */
  async #scanOnce(): Promise<void> {
    this.#scanned ??= this.#scan().then(
      () => undefined,
      (error: unknown) => {
        this.#scanned = undefined;
        throw error;
      },
    );
    await this.#scanned;
  }

  /** Moves a file into the store, whose reserved room it takes: at no moment does it count twice, or not at all. */
  #adopt(incoming: string, digest: Digest): void {
    const path = this.#pathOf(digest);
    const stats = statsAt(path);
    const had = stats?.isFile() === true ? stats.size : 0;
    replaceWith(incoming, path);
    this.#sizeBytes += digest.sizeBytes - had;
    for (const added of this.#addedSince) added.set(digestKey(digest), digest.sizeBytes);
    this.#free(digest.sizeBytes);
    this.#noteTouch(digestKey(digest), Date.now());
  }

  #isThere(digest: Digest): boolean {
    if (digest.sizeBytes === 0) return true;
    const path = this.#pathOf(digest);
    const stats = this.#looking(() => statsAt(path));
    if (stats?.isFile() !== true || stats.size !== digest.sizeBytes) return false;
    return this.#touch(digest, path);
  }

  /** The result of looking at the folder; throws what callers get if that fails. */
  #looking<T>(look: () => T): T {
    try {
      return look();
    } catch (error) {
      throw this.#folders.failure(error);
    }
  }

  /** Marks a blob as just used; false if it is gone. */
  #touch(digest: Digest, path: string): boolean {
    const now = Date.now();
    const key = digestKey(digest);
    if (now - (this.#touched.get(key) ?? 0) < TOUCH_MS) return true;
    return this.#touchFile(key, path, now);
  }

  #touchFile(key: string, path: string, now: number): boolean {
    try {
      utimesSync(path, now / 1_000, now / 1_000);
    } catch (error) {
      if (isNothingThere(error)) return false;
      // The blob belongs to another user: it is usable, only evicted sooner.
    }
    this.#noteTouch(key, now);
    return true;
  }

  #noteTouch(key: string, now: number): void {
    if (this.#touched.size > 200_000) this.#touched.clear();
    this.#touched.set(key, now);
  }

  async #scan(): Promise<StoredBlob[]> {
    const found: StoredBlob[] = [];
    const added = new Map<string, number>();
    this.#addedSince.add(added);
    try {
      for (const blob of this.#stored()) {
        found.push(blob);
        if (isTurnDue()) await giveTurns();
      }
    } finally {
      this.#addedSince.delete(added);
    }
    // Blobs that came meanwhile may have been found or not.
    for (const { key } of found) added.delete(key);
    this.#count(found, added.values());
    return found;
  }

  *#stored(): Generator<StoredBlob> {
    const objects = join(this.#root, 'objects');
    for (const folder of namesIn(objects)) {
      for (const name of namesIn(join(objects, folder))) {
        // Nothing else may go: the folder may be, or lead to, one of the user's.
        if (!BLOB.test(`${folder}${name}`)) continue;
        const path = join(objects, folder, name);
        const stats = statsAt(path);
        if (stats?.isFile() !== true) continue;
        yield { path, key: `${folder}${name}/${stats.size}`, bytes: stats.size, usedMs: stats.mtimeMs };
      }
    }
  }

  #count(found: readonly StoredBlob[], added: Iterable<number>): void {
    this.#sizeBytes = found.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const bytes of added) this.#sizeBytes += bytes;
    this.#isCounted = true;
  }

  /**
   * Evicts the least recently used blobs, but none that any process holds, until there is room for `bytes` within the
   * limit that holds for what is used now; nothing if all that may go are not enough.
   */
  async #evict(bytes: number, limitFor: (usedBytes: number) => number): Promise<void> {
    this.#lease.sweep();
    const before = await this.#lease.unheldBeforeMs();
    const all = (await this.#scan()).sort((a, b) => a.usedMs - b.usedMs);
    // Another process that starts from now on touches what it holds, and blobs touched since the scan are spared.
    const alone = this.#lease.isAlone();
    const limit = limitFor(this.#sizeBytes + this.#reserved);
    const needed = limit - bytes;
    const roomy = needed - limit * (1 - EVICT_TO);
    const wanted = roomy > 0 ? roomy : needed;
    // If no other process shares the store, only the holds of this one count.
    const unheld = all.filter(({ key, usedMs }) => !this.#held.has(key) && (alone || usedMs < before));
    const evictable = unheld.reduce((sum, { bytes: size }) => sum + size, 0);
    if (this.#sizeBytes + this.#reserved - evictable > needed) return;
    for (const { path, key, bytes: size, usedMs } of unheld) {
      if (this.#sizeBytes + this.#reserved <= wanted) return;
      if (isTurnDue()) await giveTurns();
      if (await this.#remove(path, key, usedMs)) {
        this.#sizeBytes -= size;
        this.#evicted += size;
        this.#touched.delete(key);
      }
    }
  }

  /**
   * Moves the blob away before the last check, because another process may have used it meanwhile. Synchronous up to the
   * decision, so that nobody in this process misses a blob that stays.
   */
  async #remove(path: string, key: string, usedMs: number): Promise<boolean> {
    if (this.#held.has(key)) return false;
    const away = this.#newIncoming();
    try {
      if (statSync(path).mtimeMs > usedMs) return false;
      renameSync(path, away);
      if (statSync(away).mtimeMs > usedMs) {
        renameSync(away, path);
        return false;
      }
      await unlink(away);
      return true;
    } catch (error) {
      if (isNothingThere(error)) return true;
      throw error;
    }
  }

  #pathOf({ hash }: Pick<Digest, 'hash'>): string {
    return join(this.#root, 'objects', hash.slice(0, 2), hash.slice(2));
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

/** The codes of the system if a disk, or what this user may have of it, is full; not those of a file that is too large. */
const DISK_FULL: ReadonlySet<string | undefined> = new Set(['ENOSPC', ...OUT_OF_QUOTA]);

function isDiskFull(error: unknown): boolean {
  return DISK_FULL.has((error as NodeJS.ErrnoException).code);
}

/** How much this user may still write there; 0 if nobody knows. */
function freeBytesAt(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return 0;
  }
}

/** The store's side of a blob that is being written. */
interface WriterPlace {
  /** Path of the file that is being written. */
  readonly path: string;
  /** Rejects if there is no room for that many more bytes. */
  reserve(bytes: number): Promise<void>;
  free(bytes: number): void;
  /** Adds reserved bytes to the folder; tries again if that failed for a reason that has gone. */
  adding(bytes: number, add: () => void): Promise<void>;
  /** Moves the finished file into the store, with all that is reserved for it. */
  adopt(incoming: string): void;
  ended(): void;
}

class DiskWriter implements BlobWriter {
  committedBytes = 0;
  readonly #digest: Digest;
  readonly #place: WriterPlace;
  readonly #hash: Hash = createHash('sha256');
  /** Bytes reserved in the store, including those on their way to the disk. */
  #reserved = 0;
  #file: number | undefined;
  #isOver = false;
  #finishing: Promise<void> | undefined;
  #isFinished = false;

  constructor(digest: Digest, place: WriterPlace) {
    this.#digest = digest;
    this.#place = place;
  }

  async write(offset: number, chunk: Uint8Array): Promise<void> {
    check('offset', offset, is.COUNT);
    check('chunk', chunk, BLOB_BYTES);
    if (offset !== this.committedBytes || this.#isOver) {
      const message = `expected offset ${this.committedBytes} of a blob that is not finished, got ${offset}`;
      throw new RunnerError('RUNNER_INVALID_ARGUMENT', message, { actual: offset });
    }
    const { sizeBytes } = this.#digest;
    // More bytes than announced can never become the blob, and would fill the disk.
    if (offset + chunk.length > sizeBytes) {
      throw wrongDigest(this.#digest, `${offset + chunk.length} B or more`);
    }
    await this.#place.reserve(chunk.length);
    try {
      await this.#place.adding(chunk.length, () => this.#add(offset, chunk));
    } catch (error) {
      this.#place.free(chunk.length);
      throw error;
    }
    this.#reserved += chunk.length;
    this.#hash.update(chunk);
    this.committedBytes += chunk.length;
  }

  /**
   * Synchronous, because a write into the system's cache is faster than another thread. After a failure, the same
   * position is written again.
   */
  #add(offset: number, chunk: Uint8Array): void {
    // It may have been given up while it waited for room.
    if (this.#isOver) throw givenUp(this.#digest);
    this.#file ??= openSync(this.#place.path, 'wx');
    for (let at = 0; at < chunk.length;) {
      at += writeSync(this.#file, chunk, at, chunk.length - at, offset + at);
    }
  }

  finish(): Promise<void> {
    return (this.#finishing ??= this.#finish());
  }

  async #finish(): Promise<void> {
    if (this.#isOver) throw givenUp(this.#digest);
    this.#isOver = true;
    try {
      const actual = `${this.#hash.digest('hex')}/${this.committedBytes}`;
      if (actual !== digestKey(this.#digest)) throw wrongDigest(this.#digest, actual);
      if (this.#file !== undefined) {
        this.#close();
        await this.#place.adding(0, () => {
          this.#place.adopt(this.#place.path);
          this.#reserved = 0;
        });
      }
      this.#isFinished = true;
    } catch (error) {
      if (!isNothingThere(error)) throw error;
      const message = `the folder of the store was removed, and with it what had come of ${digestKey(this.#digest)}`;
      throw new RunnerError('RUNNER_DISK_FAILED', message, { cause: error });
    } finally {
      this.#end();
    }
  }

  discard(): void {
    if (!this.#isOver) this.#end();
  }

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #end(): void {
    this.#isOver = true;
    this.#place.ended();
    this.#place.free(this.#reserved);
    this.#close();
    if (!this.#isFinished) removeQuietly(this.#place.path);
  }
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
  return new DiskBlobs(options);
}
