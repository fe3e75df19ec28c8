/**
 * The common part of stores in folders. Invariants: the name of a file that is being written identifies its process, so
 * that files of dead processes are recognized at once, and those of live ones are never touched; a folder that is not
 * writable is refused on opening the store; one that is removed later is made again, and so are the folders above it,
 * with the modes that they had: nobody may read them who could not before.
 */
import {
  accessSync,
  constants,
  lstatSync,
  readdirSync,
  rmSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, RunnerError } from '../../kernel/errors.ts';
import { isOutOfFiles, isOutOfRoom } from '../../model/content-store.ts';
import { isSystemError, meaningOf } from '../../model/system-error.ts';
import { makeFolderSync } from '../make-folder.ts';
import { sayingHourly } from '../guard-callback.ts';
import { isOwnName, ownerOf } from '../own-name.ts';

/** True for an error of the system because nothing is at that path, or a file is in the place of a folder above it. */
export function isNothingThere(error: unknown): boolean {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** The names in a folder of a store; none if it is not a folder, or gone. Throws other errors of the system. */
export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isNothingThere(error)) return [];
    throw error;
  }
}

/** What is at a path of a store, a link followed; undefined if nothing is. Throws other errors of the system. */
export function statsAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (isNothingThere(error)) return undefined;
    throw error;
  }
}

/** A process of another machine or container counts as dead when its files have not changed for this long. */
const SILENT_MS = 60_000;

/**
 * Removes the files of dead processes from a folder, and those of unknown processes that have not changed for a minute
 * and are not `spared`. Files whose names no store has made stay, because the folder may be, or lead to, one of the
 * user's; so does a folder. What cannot be removed, such as a file of another user, must keep no store from being opened.
 */
export function sweepFolder(folder: string, isSpared = (_name: string): boolean => false): void {
  for (const name of namesIn(folder)) {
    if (!isOwnName(name)) continue;
    const owner = ownerOf(name);
    if (owner === 'alive' || (owner === 'unknown' && isSpared(name))) continue;
    const path = join(folder, name);
    try {
      const stats = lstatSync(path);
      if (owner === 'unknown' && Date.now() - stats.mtimeMs <= SILENT_MS) continue;
      unlinkSync(path);
    } catch {
      // Gone, a folder, or to be tried again by the next sweep.
    }
  }
}

/** Removes a file that nobody misses; if the disk does not let that happen, a later sweep or read tries again. */
export function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It stays.
  }
}

/** The bits of a mode that say who may use a folder. */
const PERMISSIONS = 0o777;

/** The folders of one store. */
export class StoreFolders {
  readonly #root: string;
  readonly #names: readonly string[];
  /** The modes that the root and the folders above it had when the store was opened. */
  readonly #modes = new Map<string, number>();
  /** Reports trouble, the same once an hour. */
  readonly say: (text: string) => void;

  /** Makes the folders of those names that are missing. Throws the system's error if nothing can be written there. */
  constructor(root: string, names: readonly string[], onTrouble?: (text: string) => void) {
    this.#root = root;
    this.#names = names;
    this.say = sayingHourly('onTrouble of a store', onTrouble);
    this.#makeAll();
    for (let path = root; !this.#modes.has(path); path = dirname(path)) {
      this.#modes.set(path, statSync(path).mode & PERMISSIONS);
    }
  }

  /**
   * Makes the folders again if an error came because one of them is gone; false for all other errors.
   *
   * @throws RunnerError `RUNNER_DISK_FAILED` if they cannot be made.
   */
  areMadeAgain(error: unknown): boolean {
    if (!isNothingThere(error)) return false;
    try {
      this.#makeAll();
      return true;
    } catch (cause) {
      const what = 'was removed, and cannot be made again';
      this.say(`the folder ${this.#root} of a store ${what}: ${messageOf(cause)}`);
      const text = `the folder of a store ${what}: ${meaningOf(cause)}`;
      throw new RunnerError('RUNNER_DISK_FAILED', text, { cause });
    }
  }

  /** What callers get for an error of the system, which is reported: they can do nothing about it but try again. */
  failure(error: unknown): unknown {
    if (!isSystemError(error) || isOutOfRoom(error) || isOutOfFiles(error)) return error;
    this.say(`the folder ${this.#root} of a store cannot be used: ${meaningOf(error)}`);
    const text = `the folder of a store cannot be used: ${meaningOf(error)}`;
    return new RunnerError('RUNNER_DISK_FAILED', text, { cause: error });
  }

  /** Makes a folder of the store, and those above it that are gone. Throws the system's error. */
  make(path: string): void {
    makeFolderSync(path, (folder) => this.#modes.get(folder) ?? PERMISSIONS);
  }

  #makeAll(): void {
    for (const name of this.#names) {
      const path = join(this.#root, name);
      this.make(path);
      accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
    }
  }
}

/** Maps a full disk to `RUNNER_STORE_FULL`; returns other errors unchanged. */
export function asStoreError(error: unknown, bytes: number): unknown {
  if (!isOutOfRoom(error)) return error;
  const message = `expected room for ${bytes} B, but the disk has none: ${meaningOf(error)}`;
  return new RunnerError('RUNNER_STORE_FULL', message, { cause: error });
}
