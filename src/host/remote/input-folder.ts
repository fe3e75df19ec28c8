/**
 * A folder of the machine as an input root, without a copy of it. Invariants: its files are read when they are asked for; what is given has the
 * digest that was asked for, or the error names the file that has changed.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../../cas/digest-of.ts';
import { createMemoryContentStore, type MemoryContentStore } from '../../cas/memory-content-store.ts';
import { FilerError } from '../../filers/filer-error.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import type { BlobHold, BlobRange, BlobWriter, ContentStore } from '../../model/content-store.ts';
import { digestKey, type Digest } from '../../model/digest.ts';
import { storeTree } from '../../remote/stored-tree.ts';
import { diskSource } from './stored-tree.ts';

/** Where blobs can be looked for; one of a folder, and of all that is written to it. */
export class InputFolder implements ContentStore {
  readonly cancelBoundMs = 0;
  readonly #made: MemoryContentStore = createMemoryContentStore();
  readonly #paths = new Map<string, string>();

  /** Bytes that are in no file. */
  add(bytes: Uint8Array): Digest {
    return this.#made.add(bytes);
  }

  /**
   * Looks at all files below a folder, and gives the digest of its tree.
   *
   * @throws RunnerError (rejects) `RUNNER_FILER_FAILED` for links that lead out of it, and for what is neither file, folder nor link.
   */
  async addFolder(dir: string, cancel?: Cancellable): Promise<Digest> {
    const source = diskSource(dir);
    const { digest } = await storeTree(
      this,
      {
        entriesOf: (path) => source.entriesOf(path),
        targetOf: (path) => source.targetOf(path),
        storeFile: async (_content, path, stop) => {
          const stored = await source.storeFile(NOWHERE, path, stop);
          this.#paths.set(digestKey(stored.digest), join(dir, path));
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

  async read(digest: Digest, range: BlobRange = {}): Promise<Uint8Array> {
    const path = this.#paths.get(digestKey(digest));
    if (path === undefined) return this.#made.read(digest, range);
    const bytes = await readAll(path, digest.sizeBytes);
    if (digestKey(digestOf(bytes)) !== digestKey(digest)) {
      throw new FilerError(`${path} has changed since it was looked at`);
    }
    const { offset = 0, limit = bytes.length } = range;
    return bytes.subarray(offset, offset + limit);
  }

  async *readStream(digest: Digest, range?: BlobRange): AsyncGenerator<Uint8Array> {
    yield await this.read(digest, range);
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

/** No more than was there: a file can grow faster than it is read. */
async function readAll(path: string, sizeBytes: number): Promise<Uint8Array> {
  const file = await open(path).catch((cause: unknown) => {
    throw new FilerError(`${path} has changed since it was looked at`, { cause });
  });
  try {
    const bytes = new Uint8Array(sizeBytes);
    let at = 0;
    while (at < sizeBytes) {
      const { bytesRead } = await file.read(bytes, at, sizeBytes - at, at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return bytes.subarray(0, at);
  } finally {
    await file.close();
  }
}

/** Takes everything and keeps nothing: files are only looked at. */
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
