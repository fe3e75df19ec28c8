/**
 * Removes directories with everything that a run left in them, including read-only parts and paths longer than the
 * system accepts. Invariants: nothing outside of the tree is touched; links are removed, not followed; however large
 * the tree is, it takes a bounded part of the memory and of the threads that all file operations share; what cannot be
 * removed keeps nothing else from being removed, unless a hundred entries of one directory stay, of which the rest is
 * then left too.
 */
import { randomBytes } from 'node:crypto';
import type { Dirent, OpenDirOptions } from 'node:fs';
import { chmodSync, lstatSync, opendirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { chmod, lstat, opendir, rename, rmdir, unlink } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../kernel/errors.ts';
import type { MaybePromise } from '../model/maybe-promise.ts';

const SLASH = Buffer.from('/');
/** How many entries of a directory are read at a time. */
const ENTRIES_MAX = 256;
/** How many of them are removed at a time: more would keep the operations of others waiting. */
const TOGETHER_MAX = 8;
/** How much longer than the path of the tree a path in it may be; all systems accept this much more. */
const PATH_BYTES_MAX = 512;
/** A process that is ending may still add files or use them; a few retries outlast it. */
const RETRIES_MAX = 5;
const RETRY_MS = 20;
/** A directory in which this many entries cannot be removed is given up. */
const STUCK_MAX = 100;
/** How many of the errors are in that of the removal. */
const NAMED_MAX = 10;
/** Errors that a few retries outlast. */
const PASSING: ReadonlySet<string> = new Set(['EBUSY', 'EMFILE', 'ENFILE']);
/** Errors of a directory whose permissions do not allow changes. */
const LOCKED: ReadonlySet<string> = new Set(['EACCES', 'EPERM']);
/** Errors of a directory that is not empty. */
const FULL: ReadonlySet<string> = new Set(['ENOTEMPTY', 'EEXIST']);

/**
 * Removes the tree if it is there, or, with `keepDir`, only what is in it; anything there but a directory is removed.
 *
 * @throws the system's error (rejects) if something cannot be removed, after all that is tried is gone: of several an
 * AggregateError that names the first ten, with the code of the first. Of a directory in which a hundred entries stay,
 * the rest is not tried.
 */
export async function removeTree(path: string, keepDir = false): Promise<void> {
  await removeTreeWhile(path, () => true, keepDir);
}

/**
 * The synchronous {@link removeTree}, for the exit of the process.
 *
 * @throws the system's error if something cannot be removed.
 */
export function removeTreeSync(path: string): void {
  removeTreeWhileSync(path, () => true);
}

/**
 * {@link removeTree} in small steps; calls `shouldContinue` before each, and stops silently when that returns false.
 *
 * @throws the system's error (rejects) if something cannot be removed.
 */
export async function removeTreeWhile(
  path: string,
  shouldContinue: () => boolean,
  keepDir = false,
): Promise<void> {
  const steps = new Removal(Buffer.from(path)).steps(keepDir);
  for (let next = steps.next(); next.done !== true && shouldContinue();) {
    let answer: unknown;
    try {
      answer = await next.value(ASYNC);
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(answer);
  }
}

/**
 * The synchronous {@link removeTreeWhile}, for the exit of the process.
 *
 * @throws the system's error if something cannot be removed.
 */
export function removeTreeWhileSync(path: string, shouldContinue: () => boolean): void {
  const steps = new Removal(Buffer.from(path)).steps(false);
  for (let next = steps.next(); next.done !== true && shouldContinue();) {
    let answer: unknown;
    try {
      answer = next.value(SYNC);
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(answer);
  }
}

/** An entry of a directory. Names are bytes, because a run may have made some that are not valid text. */
interface Entry {
  readonly name: Buffer;
  readonly path: Buffer;
  readonly isFolder: boolean;
}

/** Names as bytes, which the types of Node do not know. */
const LISTING = { encoding: 'buffer', bufferSize: ENTRIES_MAX } as unknown as OpenDirOptions;

/** Adds an entry to those found unless its name is to be left out; gives their number. */
function add(found: Entry[], folder: Buffer, entry: Dirent, without: ReadonlySet<string>): number {
  const name = entry.name as unknown as Buffer;
  if (without.size === 0 || !without.has(name.toString('latin1'))) {
    found.push({ name, path: entryOf(folder, name), isFolder: entry.isDirectory() });
  }
  return found.length;
}

/** The file operations of a removal. */
interface Disk {
  readonly isFolder: (path: Buffer) => MaybePromise<boolean>;
  /** Up to {@link ENTRIES_MAX} entries, without those of the given names. */
  readonly entries: (folder: Buffer, without: ReadonlySet<string>) => MaybePromise<Entry[]>;
  /** Makes a folder accessible to its owner. */
  readonly open: (folder: Buffer) => MaybePromise<void>;
  /** Removes a file, a link, or an empty folder. */
  readonly remove: (entry: Pick<Entry, 'path' | 'isFolder'>) => MaybePromise<void>;
  /** Removes several; gives those that it could not remove. */
  readonly removeAll: (entries: readonly Entry[]) => MaybePromise<readonly Entry[]>;
  readonly rename: (from: Buffer, to: Buffer) => MaybePromise<void>;
  readonly pause: () => MaybePromise<void>;
}

const ASYNC: Disk = {
  isFolder: async (path) => (await lstat(path)).isDirectory(),
  async entries(folder, without) {
    const dir = await opendir(folder, LISTING);
    try {
      const found: Entry[] = [];
      for (let next = await dir.read(); next !== null; next = await dir.read()) {
        if (add(found, folder, next, without) >= ENTRIES_MAX) break;
      }
      return found;
    } finally {
      await dir.close();
    }
  },
  open: (folder) => chmod(folder, 0o700),
  remove: ({ path, isFolder }) => (isFolder ? rmdir(path) : unlink(path)),
  async removeAll(entries) {
    const failed: Entry[] = [];
    await Promise.all(
      entries.map(async (entry) => {
        try {
          await ASYNC.remove(entry);
        } catch {
          failed.push(entry);
        }
      }),
    );
    return failed;
  },
  rename,
  pause: () => pause(RETRY_MS),
};

const SYNC: Disk = {
  isFolder: (path) => lstatSync(path).isDirectory(),
  entries(folder, without) {
    const dir = opendirSync(folder, LISTING);
    try {
      const found: Entry[] = [];
      for (let next = dir.readSync(); next !== null; next = dir.readSync()) {
        if (add(found, folder, next, without) >= ENTRIES_MAX) break;
      }
      return found;
    } finally {
      dir.closeSync();
    }
  },
  open: (folder) => chmodSync(folder, 0o700),
  remove: ({ path, isFolder }) => (isFolder ? rmdirSync(path) : unlinkSync(path)),
  removeAll(entries) {
    const failed: Entry[] = [];
    for (const entry of entries) {
      try {
        void SYNC.remove(entry);
      } catch {
        failed.push(entry);
      }
    }
    return failed;
  },
  rename: renameSync,
  pause: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS),
};

/** Steps to run one after the other; each receives the result of the one before it, or throws its error. */
type Steps<T> = Generator<(disk: Disk) => unknown, T, unknown>;

/** The error of a removal that failed in so many places. */
function failureOf(errors: readonly unknown[], count: number): unknown {
  const [first] = errors;
  if (errors.length === 1) return first;
  const rest = count > errors.length ? [`and ${count - errors.length} more`] : [];
  const { code, syscall, path } = first as NodeJS.ErrnoException;
  const message = [...errors.map(messageOf), ...rest].join('; ');
  return Object.assign(new AggregateError(errors, message), { code, syscall, path });
}

/** What an operation threw. */
interface Failure {
  readonly error: unknown;
}

/** A folder that is being emptied. */
class Level {
  readonly path: Buffer;
  /** Its name in the folder above. */
  readonly name: Buffer;
  /** Names of folders in it that are not empty. */
  readonly folders: Buffer[] = [];
  /** Names of entries that cannot be removed. */
  readonly stuck = new Set<string>();
  /** True once it has been made accessible. */
  isOpened = false;
  /** True once all the entries that it had have been read. */
  isRead = false;
  /** How often somebody has added entries after that. */
  refills = 0;

  constructor(path: Buffer, name: Buffer) {
    this.path = path;
    this.name = name;
  }
}

/** The removal of one tree, from the inside out. */
class Removal {
  readonly #top: Buffer;
  /** The way from the top to the folder that is being emptied. */
  readonly #levels: Level[] = [];
  readonly #prefix = `.removed-${randomBytes(8).toString('hex')}-`;
  #moved = 0;
  /** The first errors that kept something from being removed, and how many there were. */
  readonly #failures: unknown[] = [];
  #failed = 0;

  constructor(top: Buffer) {
    this.#top = top;
  }

  *steps(keepDir: boolean): Steps<void> {
    const top = new Level(this.#top, Buffer.alloc(0));
    // What is around the tree is not ours to make accessible.
    const around = new Level(Buffer.alloc(0), Buffer.alloc(0));
    around.isOpened = true;
    try {
      if ((yield (disk) => disk.isFolder(this.#top)) === true) this.#levels.push(top);
      else yield* this.#remove(around, { ...top, isFolder: false });
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return;
      throw error;
    }
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      const inner = level.folders.pop();
      if (inner !== undefined) yield* this.#descend(level, inner);
      else if (yield* this.#removeBatch(level)) {
        const isKept = keepDir && level === top;
        if (isKept || (yield* this.#removeEmptied(level, this.#levels.at(-2) ?? around))) this.#levels.pop();
      }
    }
    if (this.#failed > 0) throw failureOf(this.#failures, this.#failed);
  }

  /** Removes a folder that has been emptied; false if somebody has added entries meanwhile. */
  *#removeEmptied(level: Level, outer: Level): Steps<boolean> {
    const { name, path } = level;
    const full = yield* this.#remove(outer, { name, path, isFolder: true });
    if (full === undefined) return true;
    if (level.stuck.size === 0 && (yield* this.#awaitRefill(level))) return false;
    this.#leave(outer, name, full.error);
    return true;
  }

  *#awaitRefill(level: Level): Steps<boolean> {
    if (++level.refills > RETRIES_MAX) return false;
    yield (disk) => disk.pause();
    return true;
  }

  /** Continues with a folder in the current one. One whose paths would become too long is moved to the top first. */
  *#descend(level: Level, name: Buffer): Steps<void> {
    const path = entryOf(level.path, name);
    const top = this.#levels[0] ?? level;
    if (path.length - this.#top.length <= PATH_BYTES_MAX) {
      this.#levels.push(new Level(path, name));
      return;
    }
    const moved = Buffer.from(`${this.#prefix}${this.#moved++}`);
    const target = entryOf(this.#top, moved);
    try {
      try {
        yield (disk) => disk.rename(path, target);
      } catch (error) {
        if (!LOCKED.has(codeOf(error))) throw error;
        // A folder that its owner may not write to cannot be moved either.
        yield (disk) => disk.open(path);
        yield (disk) => disk.rename(path, target);
      }
      top.folders.push(moved);
    } catch (error) {
      this.#leave(level, name, error);
    }
  }

  /** Removes a batch of entries; true if nothing is left that can be removed. */
  *#removeBatch(level: Level): Steps<boolean> {
    const entries = yield* this.#entriesOf(level);
    if (entries.length === 0) return true;
    if (level.isRead && !(yield* this.#awaitRefill(level))) return true;
    level.isRead ||= entries.length < ENTRIES_MAX;
    for (let at = 0; at < entries.length; at += TOGETHER_MAX) {
      const batch = entries.slice(at, at + TOGETHER_MAX);
      const failed = (yield (disk) => disk.removeAll(batch)) as readonly Entry[];
      for (const entry of failed) {
        if ((yield* this.#remove(level, entry)) !== undefined) level.folders.push(entry.name);
      }
      if (level.stuck.size >= STUCK_MAX) return true;
    }
    return false;
  }

  *#entriesOf(level: Level): Steps<readonly Entry[]> {
    const { path, stuck } = level;
    for (let failures = 0; ; failures += 1) {
      try {
        return (yield (disk) => disk.entries(path, stuck)) as Entry[];
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return [];
        if (yield* this.#prepareRetry(level, error, failures)) continue;
        this.#fail(error);
        return [];
      }
    }
  }

  /** Removes an entry, or notes that it stays; gives the error of a folder that has entries of its own. */
  *#remove(level: Level, entry: Entry): Steps<Failure | undefined> {
    for (let failures = 0; ; failures += 1) {
      try {
        yield (disk) => disk.remove(entry);
        return undefined;
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        if (entry.isFolder && FULL.has(codeOf(error))) return { error };
        if (!(yield* this.#prepareRetry(level, error, failures))) {
          this.#leave(level, entry.name, error);
          return undefined;
        }
      }
    }
  }

  /** Makes the folder accessible, or waits a little, if that can help. */
  *#prepareRetry(level: Level, error: unknown, failures: number): Steps<boolean> {
    if (LOCKED.has(codeOf(error))) return failures === 0 && (yield* this.#openOnce(level));
    if (!PASSING.has(codeOf(error)) || failures >= RETRIES_MAX) return false;
    yield (disk) => disk.pause();
    return true;
  }

  *#openOnce(level: Level): Steps<boolean> {
    if (level.isOpened) return true;
    level.isOpened = true;
    try {
      yield (disk) => disk.open(level.path);
      return true;
    } catch {
      // It belongs to another user. What could not be removed says more than this error.
      return false;
    }
  }

  #leave(level: Level, name: Buffer, error: unknown): void {
    level.stuck.add(name.toString('latin1'));
    this.#fail(error);
  }

  #fail(error: unknown): void {
    // A folder stays because of what is in it, which has an error of its own.
    if (this.#failed > 0 && FULL.has(codeOf(error))) return;
    this.#failed += 1;
    if (this.#failed <= NAMED_MAX) this.#failures.push(error);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}

function entryOf(dir: Buffer, name: Buffer): Buffer {
  return Buffer.concat([dir, SLASH, name]);
}
