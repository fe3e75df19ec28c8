/**
 * A checkout that is a directory on the disk. Invariant: its release removes whatever the run left in it, read-only directories
 * included, and nothing outside of it: links are removed, not followed.
 */
import { lstat, mkdir, readdir, chmod, rename, rm, rmdir, unlink } from 'node:fs/promises';
import { RunnerError } from '../../kernel/errors.ts';
import { FilerError } from '../../filers/filer-error.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';
import type { Checkout } from '../../model/filer.ts';
import { randomBytes } from 'node:crypto';

/** See {@link prepareTarget} and {@link removeTree}. */
export class DirCheckout implements Checkout {
  readonly path: string;
  readonly id: string;
  readonly #keepDir: boolean;
  #released: Promise<void> | undefined;

  /** `keepDir`: the directory was there before and stays, empty. */
  constructor(path: string, id: string, keepDir = false) {
    this.path = path;
    this.id = id;
    this.#keepDir = keepDir;
  }

  /** Rejects with `RUNNER_FILER_FAILED`, exit code 213, if something cannot be removed; a later call does nothing new. */
  release(): Promise<void> {
    this.#released ??= this.#remove();
    return this.#released;
  }

  async #remove(): Promise<void> {
    try {
      await removeTree(this.path, this.#keepDir);
    } catch (cause) {
      const message = `checkout ${this.path} could not be removed`;
      throw new FilerError(message, { cause, exitCode: EXIT_CODES.CHECKOUT_RELEASE });
    }
  }
}

/**
 * Makes the directory of a `checkoutAt`, or takes one that is there and empty; its parent must exist. Gives the checkout, whose
 * release restores what was before (R172).
 *
 * @throws RunnerError (rejects) `RUNNER_FILER_FAILED`.
 */
export async function prepareTarget(dir: string, id: string): Promise<DirCheckout> {
  try {
    await mkdir(dir);
    return new DirCheckout(dir, id);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new FilerError(`directory ${dir} could not be made`, { cause });
    }
  }
  // A link could lead anywhere, and is not a directory of its own.
  const isEmptyDir = (await lstat(dir)).isDirectory() && (await readdir(dir)).length === 0;
  if (!isEmptyDir) throw new FilerError(`Not an empty directory: ${dir}`);
  return new DirCheckout(dir, id, true);
}

/**
 * Fills a checkout; if that fails, nothing of it is left. Errors that are no {@link RunnerError} become `RUNNER_FILER_FAILED`.
 */
export async function filled(
  checkout: DirCheckout,
  fill: (dir: string) => Promise<void>,
): Promise<DirCheckout> {
  try {
    await fill(checkout.path);
    return checkout;
  } catch (error) {
    await checkout.release();
    throw asFilerError(error, `checkout ${checkout.id} failed`, EXIT_CODES.CHECKOUT);
  }
}

/** Keeps an error that says what it is, and wraps one of the system. */
export function asFilerError(error: unknown, message: string, exitCode: number): RunnerError {
  if (error instanceof RunnerError) return error;
  const text = error instanceof Error ? `${message}: ${error.message}` : message;
  return new FilerError(text, { cause: error, exitCode });
}

const SLASH = Buffer.from('/');
/** What a plain removal stumbles over and a patient one does not. */
const PATIENCE_HELPS = ['EACCES', 'EPERM', 'ENAMETOOLONG'];

/**
 * Removes directories with whatever a run left in them: parts that nobody may write, and paths that are longer than the system takes.
 * Invariant: nothing outside of the tree is touched; links are removed, not followed.
 *
 * Removes the tree if it is there, or, with `keepDir`, only what is in it.
 *
 * @throws the system's error (rejects) if something cannot be removed.
 */
async function removeTree(path: string, keepDir = false): Promise<void> {
  try {
    await removeQuickly(path, keepDir);
  } catch (error) {
    if (!PATIENCE_HELPS.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await removePatiently(Buffer.from(path));
    await removeQuickly(path, keepDir);
  }
}

async function removeQuickly(path: string, keepDir: boolean): Promise<void> {
  // A process that is just ending may still add files; a few more rounds outlast it.
  const options = { recursive: true, force: true, maxRetries: 5, retryDelay: 20 };
  if (!keepDir) {
    await rm(path, options);
    return;
  }
  for (const name of await readdir(path, 'buffer')) await rm(entryOf(Buffer.from(path), name), options);
}

/**
 * Empties a directory with paths of two names at most: what is deeper is moved to the top first. Names are bytes here: a run may
 * have made some that are no text.
 */
async function removePatiently(top: Buffer): Promise<void> {
  if (!(await isFolder(top))) return;
  await chmod(top, 0o700);
  const prefix = `.removed-${randomBytes(8).toString('hex')}-`;
  let moved = 0;
  const folders = await emptyOfFiles(top);
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const inner of await emptyOfFiles(folder)) {
      const target = entryOf(top, Buffer.from(`${prefix}${moved++}`));
      await rename(inner, target);
      folders.push(target);
    }
    await rmdir(folder);
  }
}

/** Removes everything but folders, and gives those, each open to its owner. */
async function emptyOfFiles(folder: Buffer): Promise<Buffer[]> {
  const folders: Buffer[] = [];
  for (const name of await readdir(folder, 'buffer')) {
    const path = entryOf(folder, name);
    if (await isFolder(path)) {
      // A folder that its owner may not write cannot be moved either.
      await chmod(path, 0o700);
      folders.push(path);
    } else {
      await unlink(path);
    }
  }
  return folders;
}

async function isFolder(path: Buffer): Promise<boolean> {
  return (await lstat(path)).isDirectory();
}

function entryOf(dir: Buffer, name: Buffer): Buffer {
  return Buffer.concat([dir, SLASH, name]);
}
