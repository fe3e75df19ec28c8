/**
 * Makes a folder with its parents. Node's own recursive `mkdir` loops for ever on file systems that allow no new
 * folders, such as `/proc`. Invariant: each folder is tried at most twice.
 */
import { mkdirSync, statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Makes the folder; a no-op if it exists.
 *
 * @param mode of the folders that are made; default 0o777, less the umask.
 * @throws the system's error (rejects) if it cannot be made, or a part of the path is not a folder.
 */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
  const folder = resolve(path);
  try {
    await makeOne(folder, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const parent = dirname(folder);
    // Another process may have made it since.
    if (!(await isThere(parent))) await makeFolder(parent, mode);
    await makeOne(folder, mode);
  }
}

async function makeOne(folder: string, mode: number): Promise<void> {
  try {
    await mkdir(folder, mode);
  } catch (error) {
    const isThereAlready = (error as NodeJS.ErrnoException).code === 'EEXIST';
    if (!isThereAlready || !(await stat(folder)).isDirectory()) throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/**
 * The synchronous {@link makeFolder}, for constructors that make their folders; `modeOf` gives the mode of each folder
 * that is made.
 */
export function makeFolderSync(path: string, modeOf = (_folder: string): number => 0o777): void {
  const folder = resolve(path);
  const mode = modeOf(folder);
  try {
    makeOneSync(folder, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const parent = dirname(folder);
    if (statSync(parent, { throwIfNoEntry: false }) === undefined) makeFolderSync(parent, modeOf);
    makeOneSync(folder, mode);
  }
}

function makeOneSync(folder: string, mode: number): void {
  try {
    mkdirSync(folder, mode);
  } catch (error) {
    const isThereAlready = (error as NodeJS.ErrnoException).code === 'EEXIST';
    if (!isThereAlready || !statSync(folder).isDirectory()) throw error;
  }
}
