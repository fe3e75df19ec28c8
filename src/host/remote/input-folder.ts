/**
 * A folder of the machine as an input root, without copying it. Invariants: files are read on demand; the bytes
 * returned have the digest that was requested, or the error names the file that has changed.
 */
import { createHash } from 'node:crypto';
import { constants, open } from 'node:fs/promises';
import { createMemoryContentStore, type MemoryContentStore } from '../../cas/memory-content-store.ts';
import { FilerError, throwIfCancelled } from '../../filers/filer-error.ts';
import { invalidArgument, messageOf } from '../../kernel/errors.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import type { BlobHold, BlobRange, BlobWriter, ContentStore } from '../../model/content-store.ts';
import { digestKey, type Digest } from '../../model/digest.ts';
import { storeTree } from '../../remote/stored-tree.ts';
import { diskSource } from './stored-tree.ts';

/** Bytes read at a time. */
const PART_BYTES = 1024 * 1024;

/** A content store that finds its blobs in files of folders; blobs written to it are kept in memory. */
export class InputFolder implements ContentStore {
  readonly cancelBoundMs = 5_000;
  readonly #made: MemoryContentStore = createMemoryContentStore();
  readonly #paths = new Map<string, string>();

  /** Adds a blob that is in no file. */
  add(bytes: Uint8Array): Digest {
    return this.#made.add(bytes);
  }

  /**
   * Hashes all files below a folder, and resolves with the digest of its tree.
   *
   * @throws RunnerError (rejects) `RUNNER_FILER_FAILED` for links that lead out of it, and for anything but files,
   * folders and links.
   */
  async addFolder(dir: string, cancel?: Cancellable): Promise<Digest> {
    const source = await diskSource(dir, dir);
    const { digest } = await storeTree(
      this,
      {
        entriesOf: (path) => source.entriesOf(path),
        targetOf: (path) => source.targetOf(path),
        storeFile: async (_content, path, stop) => {
          const stored = await source.storeFile(NOWHERE, path, stop);
          this.#paths.set(digestKey(stored.digest), source.pathOf(path));
          return stored;
        },
      },
      cancel,
    );
    return digest;
  }

  findMissing(digests: readonly Digest[]): readonly Digest[] {
    const others = digests.filter((digest) => !this.#paths.has(digestKey(digest)));
    return this.#made.findMissing(others);
  }

  async read(digest: Digest, range?: BlobRange, cancel?: Cancellable): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for await (const part of this.readStream(digest, range, cancel)) parts.push(part);
    const [first] = parts;
    return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
  }

  readStream(digest: Digest, range?: BlobRange, cancel?: Cancellable): AsyncIterable<Uint8Array> {
    const path = this.#paths.get(digestKey(digest));
    if (path === undefined) return this.#made.readStream(digest, range, cancel);
    return checkedParts(path, digest, range, cancel);
  }

  write(digest: Digest, bytes: Uint8Array): void {
    this.#made.write(digest, bytes);
  }

  openWrite(digest: Digest): BlobWriter {
    return this.#made.openWrite(digest);
  }

  hold(digests: readonly Digest[]): BlobHold {
    return this.#made.hold(digests);
  }
}

/** A range of a file. Yields the last part only once the digest of the whole file has been verified. */
async function* checkedParts(
  path: string,
  digest: Digest,
  { offset = 0, limit = Infinity }: BlobRange = {},
  cancel?: Cancellable,
): AsyncGenerator<Uint8Array> {
  if (offset > digest.sizeBytes) throw invalidArgument('offset', `at most ${digest.sizeBytes}`, offset);
  const end = Math.min(digest.sizeBytes, offset + limit);
  const hash = createHash('sha256');
  let at = 0;
  let last: Uint8Array | undefined;
  for await (const chunk of partsOf(path, digest.sizeBytes)) {
    throwIfCancelled(cancel, 'reading a file');
    hash.update(chunk);
    const part = chunk.subarray(Math.max(0, offset - at), Math.max(0, end - at));
    at += chunk.length;
    if (part.length === 0) continue;
    if (last !== undefined) yield last;
    last = part;
  }
  if (at !== digest.sizeBytes || hash.digest('hex') !== digest.hash) throw changed(path);
  if (last !== undefined) yield last;
}

/** Reads no more than `sizeBytes`: a file can grow faster than it is read. */
async function* partsOf(path: string, sizeBytes: number): AsyncGenerator<Uint8Array> {
  // Non-blocking, because opening a pipe that has taken its place would wait for a writer.
  const file = await readable(path, open(path, constants.O_RDONLY | constants.O_NONBLOCK));
  try {
    if (!(await file.stat()).isFile()) throw changed(path);
    for (let at = 0; at < sizeBytes;) {
      const buffer = Buffer.allocUnsafe(Math.min(PART_BYTES, sizeBytes - at));
      const { bytesRead } = await readable(path, file.read(buffer, 0, buffer.length, at));
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function readable<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw changed(path, cause);
    throw new FilerError(`${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function changed(path: string, cause?: unknown): FilerError {
  return new FilerError(`${path} has changed since it was looked at`, { cause });
}

/** Accepts everything and keeps nothing: files are only hashed. */
const NOWHERE: ContentStore = {
  cancelBoundMs: 0,
  findMissing: () => [],
  read: () => new Uint8Array(),
  async *readStream() {},
  write: () => undefined,
  openWrite: () => ({
    committedBytes: 0,
    write: () => undefined,
    finish: () => undefined,
    discard: () => undefined,
  }),
  hold: () => ({ release: () => undefined }),
};
