/** Lets a runner of the Bazel path work with checkouts on the disk (R186–R192). */
import * as is from '../../kernel/shape.ts';
import { mkdir, realpath, symlink } from 'node:fs/promises';
import { relative } from 'node:path';
import { isPathBelow } from '../../model/confined-path.ts';
import { check } from '../../kernel/argument-check.ts';
import { FilerError } from '../../filers/filer-error.ts';
import { RunnerError } from '../../kernel/errors.ts';
import { ACTION_CACHE, CONTENT_STORE } from '../../model/argument-shapes.ts';
import type { ActionCache, ActionStore, ContentStore } from '../../model/content-store.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';
import { Actions, type OutputPlace } from '../../remote/action-store.ts';
import { meaningOf } from '../../model/system-error.ts';
import { type EntryKind, unkept } from '../../remote/stored-tree.ts';
import { isNothingThere } from './store-folder.ts';
import { diskSource, kindAt, storeFile, targetAt } from './stored-tree.ts';

/** Options of {@link createDiskActions}. */
export interface DiskActionsOptions {
  readonly content: ContentStore;
  readonly cache: ActionCache;
}

const OPTIONS = is.optionsOf<DiskActionsOptions>(
  {
    content: CONTENT_STORE,
    cache: ACTION_CACHE,
  },
  {},
);

/** Directories of the machine. */
const DISK: OutputPlace = {
  cancelBoundMs: 5_000,
  get javaHome() {
    const home = process.env['JAVA_HOME'];
    return home === '' ? undefined : home;
  },
  async makeDir(path) {
    await asPreparing(mkdir(path));
  },
  makeLink: (path, target) => asPreparing(symlink(target, path)),
  kindAt: (path) => asReading(kindAt(path)),
  targetOf: targetAt,
  reached: (dir, path) => asReading(kindBehind(dir, path)),
  storeFile,
  sourceAt: diskSource,
  async storeLog(content, log, cancel) {
    try {
      return (await storeFile(content, await log.asFile(), cancel, 'the log')).digest;
    } catch (error) {
      if (!isNothingThere((error as Error).cause)) throw error;
      const message = 'the log of the action was removed before it was stored';
      throw new RunnerError('RUNNER_DISK_FAILED', message, { cause: error });
    }
  },
};

async function kindBehind(dir: string, path: string): Promise<EntryKind | 'outside' | undefined> {
  const end = await realPathOf(path);
  if (end === undefined) return undefined;
  const way = relative(await realpath(dir), end);
  return way === '' || isPathBelow(way) ? kindAt(end) : 'outside';
}

/** The path without links; undefined if they lead nowhere or in a circle. */
async function realPathOf(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code)) return undefined;
    throw error;
  }
}

async function asReading<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw unkept(`the outputs cannot be read: ${meaningOf(error)}`, error);
  }
}

async function asPreparing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const exitCode = EXIT_CODES.POSTPROCESSING;
    throw new FilerError(`outputs could not be prepared: ${meaningOf(error)}`, { cause: error, exitCode });
  }
}

/**
 * Makes the action store of a runner of real commands: its `actions`, beside the filer of {@link createCasFiler}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid options.
 * @example
 * ```ts
 * import { createCasFiler, createDiskActions, createExecRunner } from 'dryrunner/host';
 * import { createMemoryActionCache, createMemoryContentStore } from 'dryrunner/remote';
 * const content = createMemoryContentStore();
 * const actions = createDiskActions({ content, cache: createMemoryActionCache() });
 * const runner = createExecRunner({ actions, filers: new Map([['bazel', { filer: createCasFiler({ content }) }]]) });
 * await runner.release();
 * await runner.outputs.dispose();
 * ```
 */
export function createDiskActions(options: DiskActionsOptions): ActionStore {
  check('options', options, OPTIONS);
  return new Actions(options.content, options.cache, DISK);
}
