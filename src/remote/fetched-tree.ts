/**
 * A tree that a client fetches from a server: its directories are stored here, its files are fetched when read.
 * Invariant: a blob that the server has lost is missing here too.
 */
import { type DirectoryMessage, MESSAGES } from '../cas/codec.ts';
import { createMemoryContentStore, type MemoryContentStore } from '../cas/memory-content-store.ts';
import { throwIfCancelled } from '../filers/filer-error.ts';
import type { Cancellable } from '../model/cancellation.ts';
import {
  type BlobHold,
  type BlobRange,
  type BlobWriter,
  type ContentStore,
  MissingBlobsError,
  missingBlobsOf,
} from '../model/content-store.ts';
import { digestKey, type Digest } from '../model/digest.ts';
import { RPC_CODES } from '../model/action.ts';
import type { RemoteClient } from './remote-client.ts';
import { rpcFailure } from './rpc-failure.ts';
import { below } from './stored-tree.ts';
import { unreadOutput } from './unread-output.ts';

/** A content store backed by a client, with directories of its own. Writes and holds affect only the latter. */
export class FetchedTree implements ContentStore {
  /** Aborting the client's signal ends its calls at once. */
  readonly cancelBoundMs = 0;
  readonly #client: RemoteClient;
  readonly #folders: MemoryContentStore = createMemoryContentStore();
  /** Where each file lies, and each directory that the tree lacks; of equal ones, the first. */
  readonly #paths = new Map<string, string>();

  constructor(client: RemoteClient) {
    this.#client = client;
  }

  /**
   * Adds the directories of a Tree message; returns the digest of an input root in which the tree lies at `path`, so that
   * its links may lead out of the tree, but not out of the input root. Errors name its files below `shownPath`.
   */
  addTree(bytes: Uint8Array, path = '', shownPath: string = path): Digest {
    const { root, children } = MESSAGES.Tree.decode(bytes);
    const folders = new Map<string, DirectoryMessage>();
    for (const child of children) {
      folders.set(digestKey(this.#folders.add(MESSAGES.Directory.encode(child))), child);
    }
    if (root !== null) this.#namePaths(root, shownPath, folders);
    let digest = this.#folders.add(root === null ? new Uint8Array() : MESSAGES.Directory.encode(root));
    const names = path === '' ? [] : path.split('/');
    for (const name of names.reverse()) {
      digest = this.#folders.add(MESSAGES.Directory.encode({ directories: [{ name, digest }] }));
    }
    return digest;
  }

  /** A folder that is in several others is looked at once, or a tree of few messages could have any number of paths. */
  #namePaths(root: DirectoryMessage, path: string, folders: Map<string, DirectoryMessage>): void {
    const open: (readonly [DirectoryMessage, string])[] = [[root, path]];
    for (const [{ files, directories }, at] of open) {
      for (const { name, digest } of files) {
        if (digest === null || this.#paths.has(digestKey(digest))) continue;
        this.#paths.set(digestKey(digest), below(at, name));
      }
      for (const { name, digest } of directories) {
        if (digest === null) continue;
        const key = digestKey(digest);
        const folder = folders.get(key);
        if (!this.#has(digest) && !this.#paths.has(key)) this.#paths.set(key, below(at, name));
        folders.delete(key);
        if (folder !== undefined) open.push([folder, below(at, name)]);
      }
    }
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
      throw this.#unread(digest, error);
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
      throw this.#unread(digest, error);
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

  /** The error of who has read this tree; if blobs are missing, with the path of the first of them. */
  named(error: unknown): unknown {
    const [first, ...more] = missingBlobsOf(error) ?? [];
    const path = first === undefined ? undefined : this.#paths.get(digestKey(first));
    if (path === undefined) return error;
    return unreadOutput(more.length === 0 ? path : `${path} and ${more.length} more`, error);
  }

  #unread(digest: Digest, error: unknown): unknown {
    if (rpcFailure(error).status.code === RPC_CODES.NOT_FOUND) return new MissingBlobsError([digest], error);
    const path = this.#paths.get(digestKey(digest));
    return path === undefined ? error : unreadOutput(path, error);
  }

  #has(digest: Digest): boolean {
    return this.#folders.findMissing([digest]).length === 0;
  }
}

const WHAT = 'fetching a tree';
