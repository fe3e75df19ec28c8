/** Lets a runner of the Bazel path work with checkouts on the disk (R186–R192). */
import * as is from '../../kernel/shape.ts';
import { mkdir, realpath, symlink } from 'node:fs/promises';
import { relative } from 'node:path';
import { isPathBelow } from '../../model/confined-path.ts';
import { check } from '../../kernel/argument-check.ts';
import { RunnerError } from '../../kernel/errors.ts';
import { ACTION_CACHE, CONTENT_STORE } from '../../model/argument-shapes.ts';
import type { ActionCache, ActionStore, ContentStore } from '../../model/content-store.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';
import { Actions, type OutputPlace } from '../../remote/action-store.ts';
import { asFilerError } from '../filers/dir-checkout.ts';
import { meaningOf } from '../../model/system-error.ts';
import { unkept } from '../../remote/stored-tree.ts';
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
    await asFiler(mkdir(path, { recursive: true }));
  },
  makeLink: (path, target) => asFiler(symlink(target, path)),
  async kindAt(path) {
    try {
      return await kindAt(path);
    } catch (error) {
      throw unkept(`the outputs cannot be read: ${meaningOf(error)}`, error);
    }
  },
  targetOf: targetAt,
  async reached(dir, path) {
    const end = await realPathOf(path);
    if (end === undefined) return undefined;
    const way = relative(await realpath(dir), end);
    return way === '' || isPathBelow(way) ? kindAt(end) : 'outside';
  },
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

async function asFiler<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw asFilerError(error, 'outputs could not be prepared', EXIT_CODES.POSTPROCESSING);
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
