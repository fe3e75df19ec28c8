/**
 * Opens the files that this package keeps for itself. Invariant: what lies there is a regular file of a size that was said, or it is
 * refused; nobody waits for the other end of a pipe, and no device is read.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { formatCount } from '../model/plural.ts';

/** A file that was opened for reading; to be closed by the caller. */
export interface RegularFile {
  readonly file: FileHandle;
  /** When it was opened. */
  readonly bytes: number;
  readonly mode: number;
}

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/**
 * Opens it.
 *
 * @param follow whether it may be a symbolic link to one.
 * @throws NotRegularError (rejects) if something else lies there; the system's error if nothing does or it may not be read.
 */
export async function openRegularFile(
  path: string,
  { follow = false }: { readonly follow?: boolean } = {},
): Promise<RegularFile> {
  const file = await open(path, O_RDONLY | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW)).catch((error: unknown) => {
    // What a socket answers, and some devices.
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
 * All that is in it.
 *
 * @throws TooLargeError (rejects) if that is more than `bytesMax`; else as {@link openRegularFile}.
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

/** A pipe, device, socket or directory, where a file was expected. */
export class NotRegularError extends Error {
  override readonly name = 'NotRegularError';

  constructor(path: string) {
    super(`${path} is not a regular file`);
  }
}

/** A file that is larger than anything that this package writes there. */
export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';

  constructor(path: string, bytesMax: number) {
    super(`${path} has more than ${formatCount(bytesMax)} bytes`);
  }
}
