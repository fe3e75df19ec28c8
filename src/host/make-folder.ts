/**
 * Makes a folder with its parents. Node's own `mkdir` with `recursive` tries for ever where a file system lets nothing be made, such as
 * below `/proc`. Invariant: each folder is tried twice at most.
 */
import { mkdirSync, statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Does nothing if it is there already.
 *
 * @param mode of those that are made; default 0o777, less the umask.
 * @throws the system's error (rejects) if it cannot be made, or a part of the path is no folder.
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

/** The same at once, for those who make their folders before anybody can wait for them. */
export function makeFolderSync(path: string): void {
  const folder = resolve(path);
  try {
    makeOneSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const parent = dirname(folder);
    if (statSync(parent, { throwIfNoEntry: false }) === undefined) makeFolderSync(parent);
    makeOneSync(folder);
  }
}

function makeOneSync(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    const isThereAlready = (error as NodeJS.ErrnoException).code === 'EEXIST';
    if (!isThereAlready || !statSync(folder).isDirectory()) throw error;
  }
}
