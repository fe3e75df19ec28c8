/**
 * The common part of stores in folders. Invariants: the name of a file that is being written identifies its process, so
 * that files of dead processes are recognized at once, and those of live ones are never touched; a folder that is not
 * writable is refused on opening the store.
 */
import { accessSync, constants, lstatSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, RunnerError } from '../../kernel/errors.ts';
import { isOutOfRoom } from '../../model/content-store.ts';
import { makeFolderSync } from '../make-folder.ts';
import { isOwnName, ownerOf } from '../own-name.ts';

/** The names in a folder of a store; none if it is not a folder, or gone. Throws other errors of the system. */
export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
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
  for (const name of readdirSync(folder)) {
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

/** Makes a folder if it is missing. Throws the system's error if nothing can be written there. */
export function makeStoreFolder(path: string): void {
  makeFolderSync(path);
  accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
}

/** Maps a full disk to `RUNNER_STORE_FULL`; returns other errors unchanged. */
export function asStoreError(error: unknown, bytes: number): unknown {
  if (!isOutOfRoom(error)) return error;
  const message = `expected room for ${bytes} B, but the disk has none: ${messageOf(error)}`;
  return new RunnerError('RUNNER_STORE_FULL', message, { cause: error });
}
