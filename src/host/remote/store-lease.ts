/**
 * Who shares the folder of a store, and since when each process has touched what it holds. Invariants: a process that
 * runs is never taken for one that stands still, whatever the clocks and the disk do; a lease is replaced whole, so that
 * nobody reads half of it.
 */
import { renameSync, type Stats, utimesSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isOutOfRoom } from '../../model/content-store.ts';
import { ownerOf, ownerText, ownName } from '../own-name.ts';
import { readIfRegular } from '../regular-file.ts';
import { namesIn, removeQuietly, statsAt, sweepFolder } from './store-folder.ts';

/** How often a process renews its lease: blobs that it does not hold can be evicted after this time. */
const LEASE_MS = 2_000;
/**
 * A process stands still if this one has renewed its own lease so many times meanwhile, which takes a minute. Times are
 * not compared: clocks jump, and after a machine has slept all leases are old.
 */
const RENEWALS_MAX = 30;

/**
 * A blob touched less than this ago is not touched again, so its last use, or the start of a hold, may be this much
 * later than its time of touch.
 */
export const TOUCH_MS = 1_000;

/** A hold of several blobs, all of which have been touched at this time or later. */
export interface Holding {
  sinceMs: number;
}

/** What was last seen of a lease, and how often the own one has been renewed since. */
interface Seen {
  /** Unlike the other times of the file, the system's: it changes with each renewal. */
  readonly changedMs: number;
  renewals: number;
}

/** Who shares the folder of a store, as far as this process must know it. */
export interface Sharing {
  /** The holds of this process. */
  readonly holds: Set<Holding>;
  /** Shows that this process lives, and since when it has touched all that it holds. */
  renew(): void;
  /** A time before which every blob that was last touched is unheld. */
  unheldBeforeMs(): Promise<number>;
  /** True if no other process shares the folder, or those that do stand still. */
  isAlone(): boolean;
  /** Removes what dead processes have left. */
  sweep(): void;
  close(): void;
}

/** A folder that no other process uses: it needs no lease. */
export function unshared(): Sharing {
  return {
    holds: new Set(),
    renew: () => undefined,
    unheldBeforeMs: () => Promise.resolve(Date.now()),
    isAlone: () => true,
    sweep: () => undefined,
    close: () => undefined,
  };
}

/** Shows other processes since when this one has touched all blobs that it holds, and knows theirs. */
export class StoreLease implements Sharing {
  readonly #folder: string;
  readonly #incoming: string;
  readonly #path: string;
  readonly #timer: NodeJS.Timeout;
  readonly #seen = new Map<string, Seen>();
  readonly holds: Set<Holding> = new Set<Holding>();

  /** Throws the system's error if the lease cannot be written for any reason other than a full disk. */
  constructor(root: string) {
    this.#folder = join(root, 'leases');
    this.#incoming = join(root, 'incoming');
    this.#path = join(this.#folder, ownName());
    this.sweep();
    this.#write((error) => {
      if (!isOutOfRoom(error)) throw error;
    });
    this.#timer = setInterval(() => {
      this.renew();
      try {
        this.#watch();
      } catch {
        // It looks again next time: a folder that cannot be read for a moment must not end a server.
      }
    }, LEASE_MS);
    this.#timer.unref();
  }

  renew(): void {
    this.#write(() => undefined);
  }

  async unheldBeforeMs(): Promise<number> {
    this.renew();
    let before = this.#oldestMs();
    for (const path of this.#others()) before = Math.min(before, await sinceMsOf(path));
    return before - 2 * TOUCH_MS;
  }

  isAlone(): boolean {
    return this.#others().next().done === true;
  }

  /**
   * Removes the leases of processes that are dead, or that nobody knows and that stand still; and then unfinished files
   * of processes that have no lease any more.
   */
  sweep(): void {
    for (const name of this.#names()) {
      const owner = ownerOf(name);
      const path = join(this.#folder, name);
      if (owner === 'dead' || (owner === 'unknown' && this.#standsStill(path))) removeQuietly(path);
    }
    const alive = new Set(this.#names().map(ownerText));
    sweepFolder(this.#incoming, (name) => alive.has(ownerText(name)));
  }

  close(): void {
    clearInterval(this.#timer);
    // If the disk has become read-only, the next process that can write there finds this one dead.
    removeQuietly(this.#path);
  }

  /** Whatever else is among the leases holds nothing. */
  #names(): string[] {
    return namesIn(this.#folder).filter((name) => ownerText(name) !== name);
  }

  /** The leases of processes that renew them. The own one may be behind, on a full disk. */
  *#others(): Generator<string> {
    for (const name of this.#names()) {
      const path = join(this.#folder, name);
      if (path !== this.#path && !this.#standsStill(path)) yield path;
    }
  }

  #standsStill(path: string): boolean {
    const seen = this.#seen.get(path);
    return (
      seen !== undefined && seen.renewals >= RENEWALS_MAX && seen.changedMs === changedMsOf(statsAt(path))
    );
  }

  /** Called after each renewal of the own lease: sees which others were renewed since the last. */
  #watch(): void {
    const paths = new Set(this.#names().map((name) => join(this.#folder, name)));
    for (const path of this.#seen.keys()) if (!paths.has(path)) this.#seen.delete(path);
    for (const path of paths) {
      const changedMs = changedMsOf(statsAt(path));
      const seen = this.#seen.get(path);
      if (seen?.changedMs === changedMs) seen.renewals += 1;
      else this.#seen.set(path, { changedMs, renewals: 0 });
    }
  }

  /**
   * Ignores all errors but those of the first write: a disk that becomes read-only must not end a server. If they last,
   * other processes consider this one to stand still after a minute, and may evict what it holds.
   */
  #write(onError: (error: unknown) => void): void {
    const sinceMs = this.#oldestMs();
    let last: unknown;
    // A full disk has room for an empty file, and the time of that is the lease.
    for (const replace of [() => this.#replace(String(sinceMs)), () => this.#replace('', sinceMs)]) {
      try {
        replace();
        return;
      } catch (error) {
        last = error;
        if (!isOutOfRoom(error)) break;
      }
    }
    if (isOutOfRoom(last)) this.#renewInPlace(sinceMs);
    onError(last);
  }

  /** For a disk that has room for no other file: the lease that is there may say that more is held than is. */
  #renewInPlace(sinceMs: number): void {
    try {
      utimesSync(this.#path, sinceMs / 1_000, sinceMs / 1_000);
    } catch {
      // There is none yet.
    }
  }

  /** Throws the system's error. */
  #replace(text: string, changedMs?: number): void {
    const incoming = join(this.#incoming, ownName());
    try {
      writeFileSync(incoming, text, { flag: 'wx' });
      if (changedMs !== undefined) utimesSync(incoming, changedMs / 1_000, changedMs / 1_000);
      renameSync(incoming, this.#path);
    } catch (error) {
      removeQuietly(incoming);
      throw error;
    }
  }

  #oldestMs(): number {
    let oldestMs = Date.now();
    for (const { sinceMs } of this.holds) oldestMs = Math.min(oldestMs, sinceMs);
    return oldestMs;
  }
}

function changedMsOf(stats: Stats | undefined): number {
  return stats?.ctimeMs ?? -Infinity;
}

/** Since when the process of a lease has touched all that it holds; Infinity if the lease is gone. */
async function sinceMsOf(lease: string): Promise<number> {
  const stats = await stat(lease).catch(() => undefined);
  if (stats === undefined) return Infinity;
  if (stats.isFile() && stats.size === 0) return stats.mtimeMs;
  try {
    // One that says nothing may stand for holds of any age.
    return Number(readIfRegular(lease)?.toString()) || 0;
  } catch {
    return 0;
  }
}
