/**
 * Temporary directories on the disk. Invariant: each is new, private to this user, and gone after its release; those
 * without a caller's `root` are removed when the process exits by itself, at the latest, or, if a signal ended it, by
 * the next process that makes one.
 */
import * as is from '../../kernel/shape.ts';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { FilerError } from '../../filers/filer-error.ts';
import { check } from '../../kernel/argument-check.ts';
import { messageOf } from '../../kernel/errors.ts';
import type { TempDirs } from '../../model/collaborators.ts';
import { makeTempFolder, type TempFolder } from '../temp-folder.ts';
import { DirCheckout } from './dir-checkout.ts';

/** Options of {@link createTempDirs}. */
export interface TempDirsOptions {
  /**
   * Where they are made. Default: a folder of this process among the machine's temporary files. It is removed when the
   * process exits by itself, or, if a signal ended the process, by the next process that makes such a folder.
   */
  readonly root?: string;
  /** What their names start with. Default `dryrunner-`. */
  readonly prefix?: string;
}

const TEMP_DIRS_OPTIONS = is.optionsOf<TempDirsOptions>({}, { root: is.text('a path'), prefix: is.TEXT });

/** Makes temporary directories on the disk. */
export interface DiskTempDirs extends TempDirs {
  /** Rejects with `RUNNER_FILER_FAILED`, exit code 212, if the directory cannot be made. */
  create(name: string): Promise<DirCheckout>;
}

const NAME_LENGTH_MAX = 40;

/** Makes any text safe as part of a file name. */
function safeName(text: string): string {
  return text.replace(/[^\w.-]/g, '_').slice(0, NAME_LENGTH_MAX);
}

/** The folder of this process, made when first needed. */
let ownFolder: TempFolder | undefined;

/**
 * The current folder; a new one if `tmpdir()` has changed since, or the folder is gone or others may write to it:
 * machines clean up old temporary folders, and a process may run for weeks.
 */
function folderOfProcess(): TempFolder {
  if (ownFolder === undefined || dirname(ownFolder.path) !== resolve(tmpdir()) || !ownFolder.isPrivate()) {
    ownFolder = makeTempFolder('runs', { untilExit: true });
  }
  return ownFolder;
}

/** Makes a directory whose name begins with `begin` in the folder of this process. */
async function makeInOwnFolder(begin: string): Promise<string> {
  try {
    return await mkdtemp(`${folderOfProcess().path}/${begin}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // It was removed after its check.
    return mkdtemp(`${folderOfProcess().path}/${begin}`);
  }
}

/**
 * Makes the directories in which commands without snapshot run (R92).
 *
 * @example
 * ```ts
 * import { createTempDirs } from 'dryrunner/host';
 * const dir = await createTempDirs().create('run-0');
 * await dir.release();
 * ```
 */
export function createTempDirs(options: TempDirsOptions = {}): DiskTempDirs {
  check('options', options, TEMP_DIRS_OPTIONS);
  const { root, prefix = 'dryrunner-' } = options;
  const begin = safeName(prefix);
  return {
    boundMs: 5_000,
    async create(name) {
      try {
        const named = `${begin}${safeName(name)}-`;
        const path = root === undefined ? makeInOwnFolder(named) : mkdtemp(`${resolve(root)}/${named}`);
        return new DirCheckout(await path, '');
      } catch (cause) {
        throw new FilerError(`a temporary directory could not be made: ${messageOf(cause)}`, { cause });
      }
    },
  };
}
