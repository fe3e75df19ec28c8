/**
 * What stores in folders share. Invariants: a file that is being written says in its name which process writes it, so that what the dead leave is
 * known at once, and what the living write is never touched; a folder in which nothing can be written is refused before anybody relies on it.
 */
import { accessSync, constants, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, RunnerError } from '../../kernel/errors.ts';
import { isOutOfRoom } from '../../model/content-store.ts';
import { makeFolderSync } from '../make-folder.ts';
import { ownerOf } from '../own-name.ts';

/** Removes what is left of dead processes in a folder, and what has been silent for so long that its process must be. */
export function sweepFolder(folder: string, silentMs: number): void {
  for (const name of readdirSync(folder)) {
    const owner = ownerOf(name);
    if (owner === 'alive') continue;
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined || (owner === 'unknown' && Date.now() - stats.mtimeMs <= silentMs)) continue;
    rmSync(path, { force: true });
  }
}

/** Makes a folder if it is not there. Throws the system's error if nothing can be put there. */
export function makeStoreFolder(path: string): void {
  makeFolderSync(path);
  accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
}

/** What the disk has no room for is a full store. */
export function asStoreError(error: unknown, bytes: number): unknown {
  if (!isOutOfRoom(error)) return error;
  const message = `expected room for ${bytes} B, but the disk has none: ${messageOf(error)}`;
  return new RunnerError('RUNNER_STORE_FULL', message, { cause: error });
}
