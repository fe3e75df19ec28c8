/**
 * What a process uses and holds of the blobs in a folder. Invariant: no other process that runs evicts what it holds.
 *
 * Several processes may share the folder. Each touches the blobs that it holds, again and again, and says in its lease
 * (store-lease.ts) since when it has touched them all: no process can hold a blob that was last touched before all of
 * these times. What a process holds that stands still, because it was stopped, may be evicted, and is missing to it when
 * it continues.
 */
import { utimesSync } from 'node:fs';
import { BlobHolds } from '../../cas/blob-holds.ts';
import type { BlobHold } from '../../model/content-store.ts';
import { checkDigest, checkDigests, digestKey, type Digest } from '../../model/digest.ts';
import { blobPath } from './blob-files.ts';
import { isNothingThere } from './store-folder.ts';
import { type Holding, type Sharing, TOUCH_MS } from './store-lease.ts';
import { giveTurns, isTurnDue } from './turns.ts';

/** How often a process that shares the folder touches what it holds, which spares all else that was used since. */
const TOUCH_AGAIN_MS = 10_000;

/** Touches what is used; see the top of the file. */
export class DiskHolds {
  readonly #root: string;
  readonly #lease: Sharing;
  readonly #touching: NodeJS.Timeout;
  #isTouching = false;
  /** When a blob was last touched by this process. */
  readonly #touched = new Map<string, number>();
  /** The holds of this process. */
  readonly #held = new BlobHolds();

  constructor(root: string, lease: Sharing) {
    this.#root = root;
    this.#lease = lease;
    // If the folder cannot be read for a moment, the next time does.
    const again = (): void => void this.#touchHeld().catch(() => undefined);
    this.#touching = setInterval(again, TOUCH_AGAIN_MS);
    this.#touching.unref();
  }

  close(): void {
    clearInterval(this.#touching);
  }

  /** True if this process holds the blob. */
  has(key: string): boolean {
    return this.#held.has(key);
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
      this.touch(digest, blobPath(this.#root, digest));
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
      this.#touchFile(key, blobPath(this.#root, { hash: key.slice(0, key.indexOf('/')) }), Date.now());
    }
    for (const hold of holds) hold.sinceMs = sinceMs;
    this.#isTouching = false;
  }

  /** Marks a blob as just used; false if it is gone. */
  touch(digest: Digest, path: string): boolean {
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
    this.note(key, now);
    return true;
  }

  /** Notes that it was touched, or has just been stored. */
  note(key: string, now: number): void {
    if (this.#touched.size > 200_000) this.#touched.clear();
    this.#touched.set(key, now);
  }

  /** The blob is gone. */
  forget(key: string): void {
    this.#touched.delete(key);
  }

  /** All blobs are gone. */
  forgetAll(): void {
    this.#touched.clear();
  }
}
