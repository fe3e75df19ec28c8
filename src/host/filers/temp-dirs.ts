/** Temporary directories on the disk. Invariant: each is new, private to this user, and gone after its release. */
import * as is from '../../kernel/shape.ts';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { FilerError } from '../../filers/filer-error.ts';
import { check } from '../../kernel/argument-check.ts';
import type { TempDirs } from '../../model/collaborators.ts';
import { DirCheckout } from './dir-checkout.ts';

/** Options of {@link createTempDirs}. */
export interface TempDirsOptions {
  /** Where they are made. Default: the machine's directory for temporary files. */
  readonly root?: string;
  /** What their names start with. Default `dryrunner-`. */
  readonly prefix?: string;
}

const TEMP_DIRS_OPTIONS = is.optionsOf<TempDirsOptions>({}, { root: is.text('a path'), prefix: is.TEXT });

/** Makes directories on the disk. */
export interface DiskTempDirs extends TempDirs {
  /** Rejects with `RUNNER_FILER_FAILED`, exit code 212, if the disk refuses. */
  create(name: string): Promise<DirCheckout>;
}

const NAME_LENGTH_MAX = 40;

/** Any text as a part of one file name. */
function safeName(text: string): string {
  return text.replace(/[^\w.-]/g, '_').slice(0, NAME_LENGTH_MAX);
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
  const { root = tmpdir(), prefix = 'dryrunner-' } = options;
  const path = `${resolve(root)}/${safeName(prefix)}`;
  return {
    boundMs: 5_000,
    async create(name) {
      try {
        return new DirCheckout(await mkdtemp(`${path}${safeName(name)}-`), '');
      } catch (cause) {
        throw new FilerError('a temporary directory could not be made', { cause });
      }
    },
  };
}
