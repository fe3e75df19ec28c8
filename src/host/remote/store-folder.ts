/**
 * The common part of stores in folders. Invariants: the name of a file that is being written identifies its process, so
 * that files of dead processes are recognized at once, and those of live ones are never touched; a folder that is not
 * writable is refused on opening the store.
 */
import { accessSync, constants, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, RunnerError } from '../../kernel/errors.ts';
import { isOutOfRoom } from '../../model/content-store.ts';
import { makeFolderSync } from '../make-folder.ts';
import { ownerOf } from '../own-name.ts';

/**
 * Removes the files of dead processes from a folder, and those of unknown processes that have not changed for more than
 * `silentMs` and are not `spared`.
 */
export function sweepFolder(
  folder: string,
  silentMs: number,
  isSpared = (_name: string): boolean => false,
): void {
  for (const name of readdirSync(folder)) {
    const owner = ownerOf(name);
    if (owner === 'alive' || (owner === 'unknown' && isSpared(name))) continue;
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined || (owner === 'unknown' && Date.now() - stats.mtimeMs <= silentMs)) continue;
    rmSync(path, { force: true });
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
