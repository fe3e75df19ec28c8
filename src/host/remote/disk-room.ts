/**
 * The room of a store in a folder: how much is in it and reserved, and what is evicted. Invariants: what is reserved fits
 * into the store; neither this process nor another evicts a blob that is held by one that runs.
 */
import { renameSync, statfsSync, statSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { RunnerError } from '../../kernel/errors.ts';
import { digestKey, type Digest } from '../../model/digest.ts';
import { OUT_OF_QUOTA } from '../../model/system-error.ts';
import { incomingPath, type StoredBlob, storedBlobs } from './blob-files.ts';
import type { DiskHolds } from './disk-holds.ts';
import { asStoreError, isNothingThere, type StoreFolders } from './store-folder.ts';
import type { Sharing } from './store-lease.ts';
import { giveTurns, isTurnDue } from './turns.ts';

/**
 * How often a call evicts on a full disk, because others may take the room that it has made. The store must not be emptied
 * where evicting does not help: where snapshots keep what is removed, or another program fills the disk.
 */
const DISK_EVICTIONS_MAX = 3;
/** Eviction frees more than it needs, so that the next blob does not start another one. */
const EVICT_TO = 0.9;

/** What the room of a store depends on. */
export interface DiskRoomParts {
  readonly root: string;
  readonly maxBytes: number;
  readonly folders: StoreFolders;
  readonly lease: Sharing;
  readonly holds: DiskHolds;
}

/** See the top of the file. */
export class DiskRoom {
  readonly #root: string;
  readonly #maxBytes: number;
  readonly #folders: StoreFolders;
  readonly #lease: Sharing;
  readonly #holds: DiskHolds;
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

  constructor({ root, maxBytes, folders, lease, holds }: DiskRoomParts) {
    this.#root = root;
    this.#maxBytes = maxBytes;
    this.#folders = folders;
    this.#lease = lease;
    this.#holds = holds;
  }

  get sizeBytes(): number {
    try {
      if (!this.#isCounted) this.#count([...storedBlobs(this.#root)], []);
    } catch (error) {
      throw this.#folders.failure(error);
    }
    return this.#sizeBytes;
  }

  /**
   * Reserves room for that many bytes of a blob of `wholeBytes`, and writes them. They stay reserved until {@link take} or
   * {@link free}, unless this fails.
   *
   * @throws RunnerError (rejects) `RUNNER_STORE_FULL`; otherwise as {@link moveIn}.
   */
  async write(bytes: number, write: () => void, wholeBytes: number = bytes): Promise<void> {
    await this.#reserve(bytes, wholeBytes);
    try {
      await this.#tryAgain(bytes, write);
    } catch (error) {
      this.free(bytes);
      throw error;
    }
  }

  /** Moves a file whose bytes are reserved into the store; rejects with the error of the store. */
  moveIn(move: () => void): Promise<void> {
    return this.#tryAgain(0, move);
  }

  /**
   * Adds reserved bytes to the folder. If that fails because the folder was removed, or because the disk is full although
   * the store may keep more, it does something about that and tries again.
   */
  async #tryAgain(bytes: number, add: () => void): Promise<void> {
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
    this.#holds.forgetAll();
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

  async #reserve(bytes: number, wholeBytes: number): Promise<void> {
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
    this.#evicting ??= this.#evict(bytes, limitFor)
      .catch((error: unknown) => {
        throw this.#folders.failure(error);
      })
      .finally(() => {
        this.#evicting = undefined;
      });
    await this.#evicting;
  }

  /** Gives back room that {@link write} reserved. */
  free(bytes: number): void {
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
        throw this.#folders.failure(error);
      },
    );
    await this.#scanned;
  }

  /** Counts a file that has come into the store, in the place of `had` bytes: at no moment twice, or not at all. */
  take(digest: Digest, had: number): void {
    this.#sizeBytes += digest.sizeBytes - had;
    for (const added of this.#addedSince) added.set(digestKey(digest), digest.sizeBytes);
    this.free(digest.sizeBytes);
  }

  async #scan(): Promise<StoredBlob[]> {
    const found: StoredBlob[] = [];
    const added = new Map<string, number>();
    this.#addedSince.add(added);
    try {
      for (const blob of storedBlobs(this.#root)) {
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
    const unheld = all.filter(({ key, usedMs }) => !this.#holds.has(key) && (alone || usedMs < before));
    const evictable = unheld.reduce((sum, { bytes: size }) => sum + size, 0);
    if (this.#sizeBytes + this.#reserved - evictable > needed) return;
    for (const { path, key, bytes: size, usedMs } of unheld) {
      if (this.#sizeBytes + this.#reserved <= wanted) return;
      if (isTurnDue()) await giveTurns();
      if (await this.#remove(path, key, usedMs)) {
        this.#sizeBytes -= size;
        this.#evicted += size;
        this.#holds.forget(key);
      }
    }
  }

  /**
   * Moves the blob away before the last check, because another process may have used it meanwhile. Synchronous up to the
   * decision, so that nobody in this process misses a blob that stays.
   */
  async #remove(path: string, key: string, usedMs: number): Promise<boolean> {
    if (this.#holds.has(key)) return false;
    const away = incomingPath(this.#root);
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
