/**
 * Folders among the machine's temporary files that are gone when their process is. Invariants: a folder is removed by its owner, at the latest when
 * that exits; what one that was killed has left is removed by the next that makes a folder, and what a living one uses never is.
 */
import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { messageOf, RunnerError } from '../kernel/errors.ts';
import { ownerOf, ownName } from './own-name.ts';

/** A folder of this process alone. */
export interface TempFolder {
  readonly path: string;
  /** Removes it with all that is in it. May be called again. */
  remove(): void;
}

const PREFIX = /^dryrunner-[a-z]+-(?=\d)/;
const folders = new Set<string>();

/** Makes one; `what` is for people who find it. Throws a RunnerError `RUNNER_OUTPUT_FAILED` if it cannot be made. */
export function makeTempFolder(what: 'cluster' | 'exec' | 'replay' | 'serve' | 'start'): TempFolder {
  const root = resolve(tmpdir());
  removeOfDead(root);
  const path = join(root, `dryrunner-${what}-${ownName()}`);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (cause) {
    const message = `no folder can be made among the temporary files, in ${root}: ${messageOf(cause)}`;
    throw new RunnerError('RUNNER_OUTPUT_FAILED', message, { cause });
  }
  if (folders.size === 0) process.on('exit', removeAll);
  folders.add(path);
  return {
    path,
    remove: () => {
      if (!folders.delete(path)) return;
      if (folders.size === 0) process.off('exit', removeAll);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

function removeAll(): void {
  for (const path of folders) tryRemoving(path);
}

function removeOfDead(root: string): void {
  for (const name of namesIn(root)) {
    const prefix = PREFIX.exec(name)?.[0];
    if (prefix === undefined || ownerOf(name.slice(prefix.length)) !== 'dead') continue;
    const path = join(root, name);
    if (isOwnFolder(path)) tryRemoving(path);
  }
}

function namesIn(root: string): readonly string[] {
  try {
    return readdirSync(root);
  } catch {
    // Making a folder there says why.
    return [];
  }
}

/** Names can be made by anybody. */
function isOwnFolder(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isDirectory() === true && stats.uid === process.getuid?.();
}

/** What cannot be removed now stays: there is nobody who would have to know. */
function tryRemoving(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Such as a folder that the command has made read-only.
  }
}
