/** Opens and lists what may be served. Invariant: only regular files, never through a link, and never waiting for the other end of a pipe. */
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { Refusal, UNRECOGNIZED } from './output-server-refusal.ts';

/** Opens a regular file for reading; throws a {@link Refusal}, with that status if there is no such file. */
export async function openRegular(path: string, statusWhenGone: 404 | 410): Promise<FileHandle> {
  const gone = statusWhenGone === 404 ? UNRECOGNIZED : 'The file is gone';
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP') throw new Refusal(statusWhenGone, gone, { cause });
    if (code === 'ENAMETOOLONG' || code === 'ENXIO') throw new Refusal(404, UNRECOGNIZED, { cause });
    throw new Refusal(500, 'The file cannot be opened', { cause });
  }
  try {
    if ((await file.stat()).isFile()) return file;
  } catch (cause) {
    await file.close();
    throw new Refusal(500, 'The file cannot be examined', { cause });
  }
  await file.close();
  throw new Refusal(statusWhenGone, gone);
}

/** The names of the regular files of a folder; none if it does not exist. */
export async function filesIn(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new Refusal(500, 'The folder cannot be read', { cause });
  }
}
