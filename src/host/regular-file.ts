/**
 * Opens the files that this package keeps for itself. Invariant: anything but a regular file of at most the given size
 * is refused; opening never waits for the other end of a pipe, and no device is read.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, rmSync, renameSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { formatCount } from '../model/plural.ts';

/** An open file that the caller must close. */
export interface RegularFile {
  readonly file: FileHandle;
  /** Its size when it was opened. */
  readonly bytes: number;
  readonly mode: number;
}

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * Opens a regular file for reading.
 *
 * @param follow whether the path may be a symbolic link to one.
 * @throws NotRegularError (rejects) if something else is there; the system's error if nothing is, or if it may not be
 * read.
 */
export async function openRegularFile(
  path: string,
  { follow = false }: { readonly follow?: boolean } = {},
): Promise<RegularFile> {
  const file = await open(path, O_RDONLY | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW)).catch((error: unknown) => {
    // The error of opening a socket, and some devices.
    if ((error as NodeJS.ErrnoException).code === 'ENXIO') throw new NotRegularError(path);
    throw error;
  });
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new NotRegularError(path);
    return { file, bytes: stats.size, mode: stats.mode };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Reads a whole regular file.
 *
 * @throws TooLargeError (rejects) if it has more than `bytesMax`; else like {@link openRegularFile}.
 */
export async function readRegularFile(
  path: string,
  bytesMax: number,
  options?: { readonly follow?: boolean },
): Promise<Buffer> {
  const { file, bytes } = await openRegularFile(path, options);
  try {
    if (bytes > bytesMax) throw new TooLargeError(path, bytesMax);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/**
 * Reads a small regular file synchronously; undefined if nothing or something else is there.
 *
 * @throws the system's error if it may not be read.
 */
export function readIfRegular(path: string): Buffer | undefined {
  let file: number;
  try {
    file = openSync(path, O_RDONLY | O_NONBLOCK);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (NOTHING.has(code)) return undefined;
    throw error;
  }
  try {
    return fstatSync(file).isFile() ? readFileSync(file) : undefined;
  } finally {
    closeSync(file);
  }
}

/** Errors of opening what is not there, also because a file is above it, or is a socket or a link to nowhere. */
const NOTHING: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ENXIO', 'ELOOP']);

/** Moves a file to a path of this package's own, in place of whatever is there, even a directory. */
export function replaceWith(file: string, path: string): void {
  try {
    renameSync(file, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EISDIR') throw error;
    rmSync(path, { recursive: true, force: true });
    renameSync(file, path);
  }
}

/** Something other than a file, such as a pipe, device, socket or directory. */
export class NotRegularError extends Error {
  override readonly name = 'NotRegularError';

  constructor(path: string) {
    super(`${path} is not a regular file`);
  }
}

/** A file larger than anything that this package writes there. */
export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';

  constructor(path: string, bytesMax: number) {
    super(`${path} has more than ${formatCount(bytesMax)} bytes`);
  }
}
