/**
 * A checkout that is a directory on the disk. Invariant: its release removes everything that the run left in it,
 * including read-only directories, and nothing outside of it: links are removed, not followed.
 */
import { constants, type Stats } from 'node:fs';
import { lstat, mkdir, open, readdir, realpath } from 'node:fs/promises';
import { messageOf, RunnerError } from '../../kernel/errors.ts';
import { FilerError, goneCheckout } from '../../filers/filer-error.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';
import type { Checkout } from '../../model/filer.ts';
import { removeTree } from '../remove-tree.ts';

const MODE_BITS = 0o7777;

/** See {@link prepareTarget} and {@link removeTree}. */
export class DirCheckout implements Checkout {
  readonly path: string;
  readonly id: string;
  readonly #keptMode: number | undefined;
  #entered: Stats | undefined;
  #released: Promise<void> | undefined;

  /** `keptMode`: the directory existed before with this mode; it stays, empty. */
  constructor(path: string, id: string, keptMode?: number) {
    this.path = path;
    this.id = id;
    this.#keptMode = keptMode;
  }

  /**
   * The path without links, to which names can be joined; the directory that is there now is the one that
   * {@link requireIntact} expects. Rejects with `RUNNER_DISK_FAILED` if there is none.
   */
  async enter(): Promise<string> {
    this.#entered = await this.#found();
    try {
      return await realpath(this.path);
    } catch (error) {
      throw goneCheckout(error);
    }
  }

  /** Rejects with `RUNNER_DISK_FAILED` if it is no longer the directory that was entered. */
  async requireIntact(): Promise<void> {
    const entered = this.#entered;
    if (entered === undefined) return;
    const { dev, ino, uid } = await this.#found();
    // The next directory may get the number of one that was removed, but its owner can only be who made it.
    if (dev !== entered.dev || ino !== entered.ino || uid !== entered.uid) throw goneCheckout();
  }

  async #found(): Promise<Stats> {
    const stats = await lstat(this.path).catch((error: unknown) => {
      throw goneCheckout(error);
    });
    if (!stats.isDirectory()) throw goneCheckout();
    return stats;
  }

  /**
   * Removes the directory, or, with `keptMode`, all that is in it. Rejects with `RUNNER_FILER_FAILED`, exit code 213, if
   * something cannot be removed. A later call returns the result of the first, also if that failed: it does not try
   * again.
   */
  release(): Promise<void> {
    this.#released ??= this.#remove();
    return this.#released;
  }

  async #remove(): Promise<void> {
    try {
      await removeTree(this.path, this.#keptMode !== undefined);
      if (this.#keptMode !== undefined) await restoreMode(this.path, this.#keptMode);
    } catch (cause) {
      const message = `checkout ${this.path} could not be removed: ${messageOf(cause)}`;
      throw new FilerError(message, { cause, exitCode: EXIT_CODES.CHECKOUT_RELEASE });
    }
  }
}

/**
 * Makes the directory of a `checkoutAt`, or takes one that exists and is empty; its parent must exist. Resolves with
 * the checkout, whose release restores the previous state (R172).
 *
 * @throws RunnerError (rejects) `RUNNER_FILER_FAILED`.
 */
export async function prepareTarget(path: string, id: string): Promise<DirCheckout> {
  // With a slash at its end, the path of a link would stand for what the link leads to.
  const dir = path.replace(/(?<=[^])(?:\/\.?)+$/, '');
  try {
    await mkdir(dir);
    return new DirCheckout(dir, id);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new FilerError(`directory ${dir} could not be made`, { cause });
    }
  }
  // `lstat`, because a link could lead anywhere, and its release must not empty that place.
  const stats = await lstat(dir);
  const isEmptyDir = stats.isDirectory() && (await readdir(dir)).length === 0;
  if (!isEmptyDir) throw new FilerError(`Not an empty directory: ${dir}`);
  return new DirCheckout(dir, id, stats.mode & MODE_BITS);
}

/** Does nothing if the run has removed the directory. */
async function restoreMode(dir: string, mode: number): Promise<void> {
  const stats = await lstat(dir).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (stats === undefined || (stats.mode & MODE_BITS) === mode) return;
  const opened = await open(dir, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    await opened.chmod(mode);
  } finally {
    await opened.close();
  }
}

/**
 * Fills a checkout by its real path, to which names can be joined; if that fails, releases it. Errors other than {@link RunnerError} become
 * `RUNNER_FILER_FAILED`. If it cannot be removed then, that is a
 * warning of the process: callers learn why the checkout failed.
 */
export async function filled(
  checkout: DirCheckout,
  fill: (dir: string) => Promise<void>,
): Promise<DirCheckout> {
  try {
    await fill(await checkout.enter());
    return checkout;
  } catch (error) {
    await checkout.release().catch((left: unknown) => process.emitWarning(messageOf(left)));
    throw asFilerError(error, `checkout ${checkout.id} failed`, EXIT_CODES.CHECKOUT);
  }
}

/** Returns a RunnerError unchanged, and wraps a system error. */
export function asFilerError(error: unknown, message: string, exitCode: number): RunnerError {
  if (error instanceof RunnerError) return error;
  const text = error instanceof Error ? `${message}: ${error.message}` : message;
  return new FilerError(text, { cause: error, exitCode });
}
