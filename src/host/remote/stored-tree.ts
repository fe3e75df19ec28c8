/**
 * Stores files and directories of the disk in a content store. Invariant: a file that changes meanwhile is refused, and
 * no link is followed.
 */
import { isUtf8 } from 'node:buffer';
import { constants, type Dirent } from 'node:fs';
import { lstat, open, readdir, readlink, realpath, type FileHandle } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { digestOf } from '../../cas/digest-of.ts';
import { REPLACEMENT } from '../../cas/protocol-types.ts';
import { throwIfCancelled } from '../../filers/filer-error.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import { type ContentStore, isOutOfFiles, isOutOfRoom, requireRoom } from '../../model/content-store.ts';
import type { Digest } from '../../model/digest.ts';
import { isSystemError, meaningOf } from '../../model/system-error.ts';
import { isRunnerError } from '../../kernel/errors.ts';
import { type EntryKind, type StoredFile, type TreeSource, unkept } from '../../remote/stored-tree.ts';
import { shownBytes } from '../shown-bytes.ts';

/** Files up to this size are read at once. */
const SMALL_BYTES = 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

/**
 * Stores a regular file as it is now; errors call it `shown`. Rejects with `RUNNER_FILER_FAILED` if it is something else, and with
 * `RUNNER_STORE_FULL`, without reading it, if the store can hold no blob of its size.
 */
export async function storeFile(
  content: ContentStore,
  path: string,
  cancel: Cancellable | undefined,
  shown: string,
): Promise<StoredFile> {
  try {
    return await storeAt(content, path, cancel, shown);
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_WRONG_DIGEST')) {
      throw unkept(`${shown} has changed while it was stored`, error);
    }
    throw readError(error, shown);
  }
}

/** The error of the system if something cannot be read, without its path; other errors unchanged. */
function readError(error: unknown, shown: string): unknown {
  if (!isSystemError(error) || isOutOfRoom(error) || isOutOfFiles(error)) return error;
  return unkept(`${shown} cannot be read: ${meaningOf(error)}`, error);
}

async function readable<T>(work: Promise<T>, shown: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw readError(error, shown);
  }
}

async function storeAt(
  content: ContentStore,
  path: string,
  cancel: Cancellable | undefined,
  shown: string,
): Promise<StoredFile> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw unkept(`not a regular file: ${shown}`);
    requireRoom(content, stats.size, shown);
    const isExecutable = (stats.mode & 0o111) !== 0;
    if (stats.size <= SMALL_BYTES) {
      const bytes = await file.readFile();
      const digest = digestOf(bytes);
      await content.write(digest, bytes, cancel);
      return { digest, isExecutable };
    }
    return { digest: await storeLarge(content, file, cancel), isExecutable };
  } finally {
    await file.close();
  }
}

/** Reads the file twice, because its digest must be known before it is written. */
async function storeLarge(
  content: ContentStore,
  file: FileHandle,
  cancel: Cancellable | undefined,
): Promise<Digest> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of chunksOf(file, cancel)) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  const digest = { hash: hash.digest('hex'), sizeBytes };
  const missing = await content.findMissing([digest], cancel);
  if (missing.length === 0) return digest;
  const writer = content.openWrite(digest);
  try {
    for await (const chunk of chunksOf(file, cancel)) await writer.write(writer.committedBytes, chunk);
    await writer.finish();
  } finally {
    await writer.discard();
  }
  return digest;
}

async function* chunksOf(file: FileHandle, cancel: Cancellable | undefined): AsyncGenerator<Uint8Array> {
  for (let at = 0; ;) {
    throwIfCancelled(cancel, 'storing a file');
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** A directory of the disk that is being stored. */
export interface DiskSource extends TreeSource {
  /** The path on the disk of an entry of it. */
  pathOf(path: string): string;
}

/**
 * A directory of the disk as a source for storing; the directory itself may be reached through links. Errors call it
 * `shown`.
 */
export async function diskSource(dir: string, shown: string): Promise<DiskSource> {
  // Joining a name to a path resolves a `..` in it, which leads elsewhere if it comes after a link.
  const top = await readable(realpath(dir), shown);
  const pathOf = (path: string): string => join(top, path);
  return {
    pathOf,
    async entriesOf(path) {
      const at = pathOf(path);
      const entries = await readable(readdir(at, { withFileTypes: true }), join(shown, path));
      if (entries.some(({ name }) => name.includes(REPLACEMENT))) await checkNames(at, join(shown, path));
      return entries.map((entry) => [entry.name, kindOf(entry)] as const);
    },
    storeFile: (content, path, cancel) => storeFile(content, pathOf(path), cancel, join(shown, path)),
    targetOf: (path) => targetAt(pathOf(path), join(shown, path)),
  };
}

/** Rejects with `RUNNER_FILER_FAILED` if a name in that folder is not UTF-8. */
async function checkNames(dir: string, shown: string): Promise<void> {
  const names = await readable(readdir(dir, { encoding: 'buffer' }), shown);
  const bad = names.find((name) => !isUtf8(name));
  if (bad !== undefined) throw unkept(`name that is not UTF-8: ${join(shown, shownBytes(bad))}`);
}

/**
 * The target of a link; errors call it `shown`. Rejects with `RUNNER_FILER_FAILED` if it is not UTF-8, which the protocol requires of all
 * names.
 */
export async function targetAt(path: string, shown: string): Promise<string> {
  const target = await readable(readlink(path, { encoding: 'buffer' }), shown);
  if (isUtf8(target)) return target.toString();
  throw unkept(`link whose target is not UTF-8: ${shown} -> ${shownBytes(target)}`);
}

function kindOf(stats: Pick<Dirent, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): EntryKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'dir';
  return stats.isSymbolicLink() ? 'link' : 'other';
}

/** The kind of the entry at a path, links not followed; undefined if there is none. */
export async function kindAt(path: string): Promise<EntryKind | undefined> {
  try {
    return kindOf(await lstat(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined;
    throw error;
  }
}
