/**
 * A tree that a client fetches from a server: its directories are stored here, its files are fetched when read.
 * Invariant: a blob that the server has lost is missing here too.
 */
import { MESSAGES } from '../cas/codec.ts';
import { createMemoryContentStore, type MemoryContentStore } from '../cas/memory-content-store.ts';
import { throwIfCancelled } from '../filers/filer-error.ts';
import type { Cancellable } from '../model/cancellation.ts';
import {
  type BlobHold,
  type BlobRange,
  type BlobWriter,
  type ContentStore,
  MissingBlobsError,
} from '../model/content-store.ts';
import type { Digest } from '../model/digest.ts';
import { RPC_CODES } from '../model/action.ts';
import type { RemoteClient } from './remote-client.ts';
import { rpcFailure } from './rpc-failure.ts';

/** A content store backed by a client, with directories of its own. Writes and holds affect only the latter. */
export class FetchedTree implements ContentStore {
  /** Aborting the client's signal ends its calls at once. */
  readonly cancelBoundMs = 0;
  readonly #client: RemoteClient;
  readonly #folders: MemoryContentStore = createMemoryContentStore();

  constructor(client: RemoteClient) {
    this.#client = client;
  }

  /**
   * Adds the directories of a Tree message; returns the digest of an input root in which the tree lies at `path`, so that
   * its links may lead out of the tree, but not out of the input root.
   */
  addTree(bytes: Uint8Array, path = ''): Digest {
    const { root, children } = MESSAGES.Tree.decode(bytes);
    for (const child of children) this.#folders.add(MESSAGES.Directory.encode(child));
    let digest = this.#folders.add(root === null ? new Uint8Array() : MESSAGES.Directory.encode(root));
    const names = path === '' ? [] : path.split('/');
    for (const name of names.reverse()) {
      digest = this.#folders.add(MESSAGES.Directory.encode({ directories: [{ name, digest }] }));
    }
    return digest;
  }

  async findMissing(digests: readonly Digest[], cancel?: Cancellable): Promise<readonly Digest[]> {
    throwIfCancelled(cancel, WHAT);
    const others = this.#folders.findMissing(digests);
    return others.length === 0 ? [] : this.#client.findMissing(others);
  }

  async read(digest: Digest, range?: BlobRange, cancel?: Cancellable): Promise<Uint8Array> {
    throwIfCancelled(cancel, WHAT);
    if (this.#has(digest)) return this.#folders.read(digest, range);
    try {
      return await this.#client.read(digest, range);
    } catch (error) {
      throw asMissing(digest, error);
    }
  }

  async *readStream(digest: Digest, range?: BlobRange, cancel?: Cancellable): AsyncGenerator<Uint8Array> {
    throwIfCancelled(cancel, WHAT);
    const store = this.#has(digest) ? this.#folders : this.#client;
    try {
      for await (const part of store.readStream(digest, range)) {
        throwIfCancelled(cancel, WHAT);
        yield part;
      }
    } catch (error) {
      throw asMissing(digest, error);
    }
  }

  write(digest: Digest, bytes: Uint8Array): void {
    this.#folders.write(digest, bytes);
  }

  openWrite(digest: Digest): BlobWriter {
    return this.#folders.openWrite(digest);
  }

  hold(digests: readonly Digest[]): BlobHold {
    return this.#folders.hold(digests);
  }

  #has(digest: Digest): boolean {
    return this.#folders.findMissing([digest]).length === 0;
  }
}

const WHAT = 'fetching a tree';

function asMissing(digest: Digest, error: unknown): unknown {
  return rpcFailure(error).status.code === RPC_CODES.NOT_FOUND
    ? new MissingBlobsError([digest], error)
    : error;
}
