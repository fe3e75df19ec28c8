/**
 * A disk that is a folder of the machine: the contract of `Disk` over `node:fs`. Invariants: nothing outside of the
 * folder is read or changed, and no symbolic link in it is followed; operations run one after another; whatever a sync
 * promises has been requested of the machine.
 */
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { lstat, mkdir, open, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import process from 'node:process';
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { isRunnerError, messageOf, type RunnerError } from '../../kernel/errors.ts';
import { isOutOfRoom } from '../../model/content-store.ts';
import {
  checkDiskPath,
  diskBytes,
  type Disk,
  type DiskCall,
  diskCallText,
  type DiskData,
  diskError,
  diskText,
  folderOfPath,
  foldersAbove,
  isDiskPath,
} from '../../model/disk.ts';
import { makeFolder } from '../make-folder.ts';
import { FolderMoves } from './folder-moves.ts';

/** Options of {@link createFolderDisk}. */
export interface FolderDiskOptions {
  /** Where the files are; made by the first operation if it is missing. Nothing else should write there meanwhile. */
  readonly folder: string;
  /** Names the disk in errors. Default: the last segment of `folder`. */
  readonly name?: string;
}

const OPTIONS = is.optionsOf<FolderDiskOptions>({ folder: is.text('a path', /./) }, { name: is.TEXT });

const { O_APPEND, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants;
const CAUTIOUS = O_NOFOLLOW | O_NONBLOCK;
/** Windows syncs only files opened for writing, and no folders. */
const IS_WINDOWS = process.platform === 'win32';
const NOT_THERE = ['ENOENT', 'ENOTDIR'];

/** Something else is where a file or folder should be. */
class ObstacleError extends Error {
  override readonly name = 'ObstacleError';
}

/** There is no file at the path, but something else is there. */
class NotThereError extends Error {
  override readonly name = 'NotThereError';
}

class FolderDisk implements Disk {
  readonly #root: string;
  readonly #name: string;
  #isClosed = false;
  /** The last operation requested. Never rejects. */
  #last: Promise<unknown> = Promise.resolve();
  #isReady = false;
  /** Folders whose own names are durable already. */
  readonly #anchored = new Set<string>();
  readonly #moves = new FolderMoves();

  constructor({ folder, name }: FolderDiskOptions) {
    this.#root = resolve(folder);
    this.#name = name ?? basename(this.#root);
  }

  async read(path: string): Promise<Uint8Array> {
    checkDiskPath('path', path);
    return this.#ask('read', path, async () => {
      await this.#enter(folderOfPath(path));
      // A Buffer's methods differ from those of the Uint8Array that the contract promises.
      return this.#with(path, O_RDONLY, async (file) => new Uint8Array(await file.readFile()));
    });
  }

  async readText(path: string): Promise<string> {
    return diskText(await this.read(path));
  }

  async write(path: string, data: DiskData): Promise<void> {
    checkDiskPath('path', path);
    await this.#put('write', path, O_TRUNC, diskBytes(data));
  }

  async append(path: string, data: DiskData): Promise<void> {
    checkDiskPath('path', path);
    await this.#put('append', path, O_APPEND, diskBytes(data));
  }

  async sync(path?: string): Promise<void> {
    if (path !== undefined) checkDiskPath('path', path);
    await this.#ask('sync', path ?? '', () => this.#sync(path ?? ''));
  }

  async rename(from: string, to: string): Promise<void> {
    checkDiskPath('from', from);
    checkDiskPath('to', to);
    await this.#ask('rename', from, () => this.#rename(from, to), to);
  }

  async remove(path: string): Promise<void> {
    checkDiskPath('path', path);
    await this.#ask('remove', path, async () => {
      await this.#checkFile(path);
      await unlink(this.#at(path));
    });
  }

  async list(folder?: string): Promise<string[]> {
    if (folder !== undefined) checkDiskPath('folder', folder);
    return this.#ask('list', folder ?? '', async () => (await this.#list(folder ?? '')).sort());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
  }

  #at(path: string): string {
    return join(this.#root, path);
  }

  /** Runs `act` when all operations requested before have finished. */
  #ask<T>(call: DiskCall, path: string, act: () => Promise<T>, to = ''): Promise<T> {
    const text = diskCallText(call, path, to);
    if (this.#isClosed) {
      return Promise.reject(diskError('RUNNER_DISK_CLOSED', this.#name, text, 'it was closed'));
    }
    const done = this.#last.then(async () => {
      try {
        if (!this.#isReady) await this.#makeRoot();
        this.#isReady = true;
        return await act();
      } catch (error) {
        throw this.#asDiskError(text, call, error);
      }
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  /**
   * Makes the root and syncs the parents of each folder made, or else syncing a file below it would not make the file
   * durable.
   */
  async #makeRoot(): Promise<void> {
    const missing = [];
    for (let folder = this.#root; !(await isThere(folder)); folder = dirname(folder)) missing.push(folder);
    await makeFolder(this.#root);
    for (const folder of missing) await syncFolder(dirname(folder));
  }

  async #put(call: 'write' | 'append', path: string, how: number, data: Uint8Array): Promise<void> {
    await this.#ask(call, path, async () => {
      await this.#enter(folderOfPath(path), true);
      const put = (): Promise<void> =>
        this.#with(path, O_WRONLY | O_CREAT | how, (file) => file.writeFile(data));
      try {
        await put();
      } catch (error) {
        if (codeOf(error) !== 'EISDIR' || !(await this.#removeEmpty(path))) throw error;
        await put();
      }
    });
  }

  async #sync(path: string): Promise<void> {
    await this.#enter(folderOfPath(path));
    const isFolder = path === '' || (await lstat(this.#at(path))).isDirectory();
    if (!isFolder) await this.#with(path, IS_WINDOWS ? O_RDWR : O_RDONLY, (file) => file.sync());
    const folder = isFolder ? path : folderOfPath(path);
    const folders = this.#moves.inSyncOrder(folder, this.#unanchoredAbove);
    for (const each of folders) await syncFolder(this.#at(each));
    this.#moves.forget(folders);
    for (const each of folders) this.#anchored.add(each);
  }

  /** The folders whose sync makes the name of the folder durable, nearest first; none if it is durable already. */
  readonly #unanchoredAbove = (folder: string): readonly string[] => {
    const above = [];
    for (let each = folder; each !== '' && !this.#anchored.has(each); each = folderOfPath(each)) {
      above.push(folderOfPath(each));
    }
    return above;
  };

  async #rename(from: string, to: string): Promise<void> {
    await this.#checkFile(from);
    await this.#enter(folderOfPath(to), true);
    try {
      await rename(this.#at(from), this.#at(to));
    } catch (error) {
      if (codeOf(error) !== 'EISDIR' || !(await this.#removeEmpty(to))) throw error;
      await rename(this.#at(from), this.#at(to));
    }
    this.#moves.add(folderOfPath(from), folderOfPath(to));
  }

  async #checkFile(path: string): Promise<void> {
    await this.#enter(folderOfPath(path));
    const stats = await lstat(this.#at(path));
    if (stats.isDirectory()) throw new NotThereError(`${path} is a folder`);
    if (!stats.isFile()) throw new ObstacleError(`${path} is no regular file`);
  }

  async #list(folder: string): Promise<string[]> {
    try {
      if (folder !== '') await this.#enter(folder);
      const entries = await readdir(this.#at(folder), { withFileTypes: true });
      const lists = entries.map(async (entry): Promise<string[]> => {
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
        // An entry whose name is not a valid disk path was put there by someone else, and is not a file of this disk.
        if (!isDiskPath(path)) return [];
        if (entry.isDirectory()) return this.#list(path);
        return entry.isFile() ? [path] : [];
      });
      return (await Promise.all(lists)).flat();
    } catch (error) {
      if (error instanceof NotThereError || NOT_THERE.includes(codeOf(error))) return [];
      throw error;
    }
  }

  /** Refuses a folder that is reached through a link. With `make`, makes the folder if it is missing. */
  async #enter(folder: string, make = false): Promise<void> {
    if (folder === '') return;
    for (const each of [...foldersAbove(folder).reverse(), folder]) {
      const stats = await lstat(this.#at(each)).catch(async (error: unknown) => {
        if (!make || codeOf(error) !== 'ENOENT') throw error;
        await mkdir(this.#at(each));
        this.#anchored.delete(each);
        return lstat(this.#at(each));
      });
      if (stats.isSymbolicLink()) throw new ObstacleError(`${each} is a symbolic link`);
      if (stats.isDirectory()) continue;
      if (make) throw new ObstacleError(`${each} is no folder`);
      throw new NotThereError(`${each} is no folder`);
    }
  }

  /**
   * Removes a tree of folders that holds no file, because the contract knows no empty folders; false if it holds one.
   */
  async #removeEmpty(folder: string): Promise<boolean> {
    if ((await this.#list(folder)).length > 0) return false;
    for (const entry of await readdir(this.#at(folder), { withFileTypes: true })) {
      if (!entry.isDirectory() || !(await this.#removeEmpty(`${folder}/${entry.name}`))) return false;
    }
    await rmdir(this.#at(folder));
    this.#anchored.delete(folder);
    this.#moves.remove(folder, folderOfPath(folder));
    return true;
  }

  /** Opens a regular file for the duration of `act`. */
  async #with<T>(path: string, flags: number, act: (file: FileHandle) => Promise<T>): Promise<T> {
    const file = await open(this.#at(path), flags | CAUTIOUS).catch((error: unknown) => {
      // The errors of opening a link with O_NOFOLLOW, and a pipe or socket with O_NONBLOCK.
      if (['ELOOP', 'EMLINK', 'ENXIO'].includes(codeOf(error))) {
        throw new ObstacleError(`${path} is no regular file`);
      }
      throw error;
    });
    try {
      const stats = await file.stat();
      if (stats.isDirectory()) throw new NotThereError(`${path} is a folder`);
      if (!stats.isFile()) throw new ObstacleError(`${path} is no regular file`);
      return await act(file);
    } finally {
      await file.close();
    }
  }

  #asDiskError(text: string, call: DiskCall, error: unknown): unknown {
    if (isRunnerError(error)) return error;
    const fail = (code: Parameters<typeof diskError>[0], why: string): RunnerError =>
      diskError(code, this.#name, text, why, error);
    if (error instanceof ObstacleError) return fail('RUNNER_DISK_FAILED', error.message);
    const code = codeOf(error);
    if (isOutOfRoom(error)) return fail('RUNNER_DISK_NO_SPACE', 'no space left');
    const isPut = call === 'write' || call === 'append';
    if (error instanceof NotThereError || (NOT_THERE.includes(code) && !isPut)) {
      return fail('RUNNER_DISK_NOT_FOUND', 'no such file');
    }
    return fail('RUNNER_DISK_FAILED', messageOf(error));
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? '';
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  if (IS_WINDOWS) return;
  const folder = await open(path, O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Makes a disk of a folder of the machine. `sync` asks the system to make the file and its name durable. A process that
 * is killed loses nothing that was written; what a power failure loses is up to the machine.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid options; see {@link Disk} for its methods.
 * @example
 * ```ts
 * import { mkdtemp, rm } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { createFolderDisk } from 'dryrunner/host';
 * const folder = await mkdtemp(join(tmpdir(), 'locks-'));
 * const disk = createFolderDisk({ folder });
 * await disk.write('state.tmp', '{"term":4}');
 * await disk.sync('state.tmp');
 * await disk.rename('state.tmp', 'state');
 * await disk.sync('state');
 * if ((await disk.readText('state')) !== '{"term":4}') throw new Error('expected what was written');
 * await disk.close();
 * await rm(folder, { recursive: true });
 * ```
 */
export function createFolderDisk(options: FolderDiskOptions): Disk {
  check('options', options, OPTIONS);
  return new FolderDisk(options);
}
