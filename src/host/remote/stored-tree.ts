/**
 * Directories of the disk as blobs. Invariant: the same content gives the same digests, and what cannot be kept exactly is refused, not left
 * out; links are kept, never followed.
 */
import { constants } from 'node:fs';
import { lstat, open, readdir, readlink, type FileHandle } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type DirectoryMessage, MESSAGES } from '../../cas/codec.ts';
import { digestOf } from '../../cas/digest-of.ts';
import { isConfinedLink } from '../../filers/filer-arguments.ts';
import { FilerError, throwIfCancelled } from '../../filers/filer-error.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import type { ContentStore } from '../../model/content-store.ts';
import { digestKey, type Digest } from '../../model/digest.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';

/** Read in one go. */
const SMALL_BYTES = 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;

/** A file that was stored. */
export interface StoredFile {
  readonly digest: Digest;
  readonly isExecutable: boolean;
}

/** What a directory came to. */
export interface StoredTree {
  readonly root: DirectoryMessage;
  readonly digest: Digest;
  /** All directories below it, each once. */
  readonly children: readonly DirectoryMessage[];
}

function refused(message: string): FilerError {
  return new FilerError(message, { exitCode: EXIT_CODES.BUNDLE_UPLOAD });
}

/** Stores a regular file as it is now. Rejects with `RUNNER_FILER_FAILED` if it is something else, or changes meanwhile. */
export async function storeFile(
  content: ContentStore,
  path: string,
  cancel?: Cancellable,
): Promise<StoredFile> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw refused(`not a regular file: ${path}`);
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

/** Read twice, as its digest must be known before it is written. */
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

/**
 * Stores a directory with all that is below it.
 *
 * @throws RunnerError (rejects) `RUNNER_FILER_FAILED` for a link that leads out of it, and for what is neither file, directory nor link.
 */
export async function storeTree(
  content: ContentStore,
  dir: string,
  cancel?: Cancellable,
): Promise<StoredTree> {
  const children = new Map<string, DirectoryMessage>();
  const store = async (at: string, path: string): Promise<{ message: DirectoryMessage; digest: Digest }> => {
    const message = await directoryOf(at, path);
    const bytes = MESSAGES.Directory.encode(message);
    const digest = digestOf(bytes);
    await content.write(digest, bytes, cancel);
    return { message, digest };
  };
  const directoryOf = async (at: string, path: string): Promise<DirectoryMessage> => {
    const found: { -readonly [K in keyof DirectoryMessage]: DirectoryMessage[K][number][] } = {
      files: [],
      directories: [],
      symlinks: [],
    };
    for (const entry of await sortedEntries(at)) {
      throwIfCancelled(cancel, 'storing a directory');
      const { name } = entry;
      const inner = join(at, name);
      const innerPath = path === '' ? name : `${path}/${name}`;
      if (entry.isDirectory()) {
        const { message, digest } = await store(inner, innerPath);
        children.set(digestKey(digest), message);
        found.directories.push({ name, digest });
      } else if (entry.isFile()) {
        found.files.push({ name, ...(await storeFile(content, inner, cancel)) });
      } else if (entry.isSymbolicLink()) {
        found.symlinks.push({ name, target: await confinedTarget(inner, innerPath) });
      } else {
        throw refused(`neither file, directory nor link: ${inner}`);
      }
    }
    return found;
  };
  const { message, digest } = await store(dir, '');
  return { root: message, digest, children: [...children.values()] };
}

async function sortedEntries(dir: string) {
  const entries = await readdir(dir, { withFileTypes: true });
  const broken = entries.find(({ name }) => name.includes('\uFFFD'));
  if (broken !== undefined) throw refused(`name that is not UTF-8 in ${dir}`);
  // By their bytes, as the protocol has it.
  return entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}

/** The target of a link at `path` of a tree; one that leads out of the tree is refused. */
async function confinedTarget(at: string, path: string): Promise<string> {
  const target = await readlink(at);
  if (isConfinedLink(path, target)) return target;
  throw refused(`link that could lead out of its directory: ${at} -> ${target}`);
}

/** What lies at a path; undefined if nothing does. */
export async function kindAt(path: string): Promise<'file' | 'dir' | 'link' | 'other' | undefined> {
  try {
    const stats = await lstat(path);
    if (stats.isFile()) return 'file';
    if (stats.isDirectory()) return 'dir';
    return stats.isSymbolicLink() ? 'link' : 'other';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
