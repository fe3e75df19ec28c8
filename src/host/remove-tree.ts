/**
 * Removes directories with everything that a run left in them, including read-only parts and paths longer than the
 * system accepts. Invariant: nothing outside of the tree is touched; links are removed, not followed.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, lstatSync, readdirSync, renameSync, rmdirSync, rmSync, unlinkSync } from 'node:fs';
import { chmod, lstat, readdir, rename, rm, rmdir, unlink } from 'node:fs/promises';
import type { MaybePromise } from '../model/maybe-promise.ts';

const SLASH = Buffer.from('/');
/** Errors of a plain removal after which the slow removal may succeed. */
const PATIENCE_HELPS = ['EACCES', 'EPERM', 'ENAMETOOLONG'];
/** A process that is ending may still add files; a few retries outlast it. */
const OPTIONS = { recursive: true, force: true, maxRetries: 5, retryDelay: 20 };

/**
 * Removes the tree if it is there, or, with `keepDir`, only what is in it; anything there but a directory is removed.
 *
 * @throws the system's error (rejects) if something cannot be removed.
 */
export async function removeTree(path: string, keepDir = false): Promise<void> {
  try {
    await removeQuickly(path, keepDir);
  } catch (error) {
    if (!isTransient(error)) throw error;
    await removeTreeWhile(path, () => true, keepDir);
    await removeQuickly(path, keepDir);
  }
}

/**
 * The synchronous {@link removeTree}, for the exit of the process.
 *
 * @throws the system's error if something cannot be removed.
 */
export function removeTreeSync(path: string): void {
  try {
    rmSync(path, OPTIONS);
  } catch (error) {
    if (!isTransient(error)) throw error;
    removeTreeWhileSync(path, () => true);
  }
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
  const steps = patientSteps(Buffer.from(path), keepDir);
  for (let next = steps.next(); next.done !== true && shouldContinue();) {
    next = steps.next(await next.value(ASYNC));
  }
}

/**
 * The synchronous {@link removeTreeWhile}, for the exit of the process.
 *
 * @throws the system's error if something cannot be removed.
 */
export function removeTreeWhileSync(path: string, shouldContinue: () => boolean): void {
  const steps = patientSteps(Buffer.from(path), false);
  for (let next = steps.next(); next.done !== true && shouldContinue();) next = steps.next(next.value(SYNC));
}

function isTransient(error: unknown): boolean {
  return PATIENCE_HELPS.includes((error as NodeJS.ErrnoException).code ?? '');
}

/** False for a link, and if nothing is there. */
async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function removeQuickly(path: string, keepDir: boolean): Promise<void> {
  if (!keepDir || !(await isDirectory(path))) {
    await rm(path, OPTIONS);
    return;
  }
  for (const name of await readdir(path, 'buffer')) await rm(entryOf(Buffer.from(path), name), OPTIONS);
}

/** The file operations of a slow removal. Names are bytes, because a run may have made some that are not valid text. */
interface Disk {
  readonly names: (folder: Buffer) => MaybePromise<Buffer[]>;
  readonly isFolder: (path: Buffer) => MaybePromise<boolean>;
  /** Makes a folder accessible to its owner. */
  readonly open: (folder: Buffer) => MaybePromise<void>;
  readonly unlink: (path: Buffer) => MaybePromise<void>;
  readonly rename: (from: Buffer, to: Buffer) => MaybePromise<void>;
  readonly rmdir: (folder: Buffer) => MaybePromise<void>;
}

const ASYNC: Disk = {
  names: (folder) => readdir(folder, 'buffer'),
  isFolder: async (path) => (await lstat(path)).isDirectory(),
  open: (folder) => chmod(folder, 0o700),
  unlink,
  rename,
  rmdir,
};

const SYNC: Disk = {
  names: (folder) => readdirSync(folder, 'buffer'),
  isFolder: (path) => lstatSync(path).isDirectory(),
  open: (folder) => chmodSync(folder, 0o700),
  unlink: unlinkSync,
  rename: renameSync,
  rmdir: rmdirSync,
};

/** Steps to run one after the other; each receives the result of the one before it. */
type Steps<T> = Generator<(disk: Disk) => unknown, T, unknown>;

/** Empties a directory, using only paths of at most two names: deeper folders are moved to the top first. */
function* patientSteps(top: Buffer, keepDir: boolean): Steps<void> {
  if ((yield (disk) => disk.isFolder(top)) !== true) return;
  yield (disk) => disk.open(top);
  const prefix = `.removed-${randomBytes(8).toString('hex')}-`;
  let moved = 0;
  const folders = yield* emptyOfFiles(top);
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const emptied = folder;
    for (const inner of yield* emptyOfFiles(emptied)) {
      const target = entryOf(top, Buffer.from(`${prefix}${moved++}`));
      yield (disk) => disk.rename(inner, target);
      folders.push(target);
    }
    yield (disk) => disk.rmdir(emptied);
  }
  if (!keepDir) yield (disk) => disk.rmdir(top);
}

/** Removes everything but folders, and returns those, each accessible to its owner. */
function* emptyOfFiles(folder: Buffer): Steps<Buffer[]> {
  const folders: Buffer[] = [];
  for (const name of (yield (disk) => disk.names(folder)) as Buffer[]) {
    const path = entryOf(folder, name);
    if ((yield (disk) => disk.isFolder(path)) === true) {
      // A folder that its owner may not write to cannot be moved either.
      yield (disk) => disk.open(path);
      folders.push(path);
    } else {
      yield (disk) => disk.unlink(path);
    }
  }
  return folders;
}

function entryOf(dir: Buffer, name: Buffer): Buffer {
  return Buffer.concat([dir, SLASH, name]);
}
