/**
 * A filer whose snapshots are trees in a content store, named `bz-HASH-SIZE` after their root. Invariants: a checkout
 * contains its whole tree or is not created, and its blobs are not evicted meanwhile; a tree that leads out of itself
 * is rejected before anything is written.
 */
import * as is from '../kernel/shape.ts';
import type { DirectoryMessage, Init } from '../cas/codec.ts';
import { check } from '../kernel/argument-check.ts';
import { RunnerError } from '../kernel/errors.ts';
import { ABSOLUTE_PATH, checkIngestPaths, SNAPSHOT_ID } from '../filers/filer-arguments.ts';
import { goneCheckout, throwIfCancelled, unknownSnapshot } from '../filers/filer-error.ts';
import { GatheredEntries } from '../filers/gathered-entries.ts';
import type { TreeEntries, TreeEntry } from '../filers/memory-tree.ts';
import { CONTENT_STORE } from '../model/argument-shapes.ts';
import type { Cancellable } from '../model/cancellation.ts';
import { type ContentStore, MissingBlobsError } from '../model/content-store.ts';
import { digestKey, digestOfSnapshot, snapshotOfDigest, type Digest } from '../model/digest.ts';
import type { Checkout, Filer } from '../model/filer.ts';
import { whenThere, type MaybePromise } from '../model/maybe-promise.ts';
import { TreeWalk } from './input-tree.ts';
import { sourceOf, storeTree } from './stored-tree.ts';

/**
 * Where checkouts and outputs are: a tree in memory (`createMemoryTree`), or an equivalent elsewhere. Paths are
 * absolute.
 */
export interface TreeTarget {
  /** Creates a directory and its parents. */
  makeDir(path: string): MaybePromise<void>;
  /** Writes a file and creates its parents. */
  writeFile(path: string, content: Uint8Array, executable: boolean): MaybePromise<void>;
  /** Creates a symbolic link and its parents. */
  makeLink(path: string, target: string): MaybePromise<void>;
  entryAt(path: string): MaybePromise<TreeEntry | undefined>;
  /** Entries by relative path, parents first. */
  entriesUnder(dir: string): MaybePromise<TreeEntries>;
  remove(path: string): MaybePromise<void>;
}

/** Argument shape of a {@link TreeTarget}. */
export const TREE_TARGET: is.MethodsShape = is.withMethods(
  'makeDir',
  'writeFile',
  'makeLink',
  'entryAt',
  'entriesUnder',
  'remove',
);
/** A tree with everything needed to write it. */
interface FoundTree {
  readonly directories: ReadonlyMap<string, DirectoryMessage>;
  readonly blobs: readonly Digest[];
}

/**
 * The directory of a checkout. Looked for and made in one step if the tree is synchronous, so that no two get the same.
 */
interface TakenDir {
  readonly dir: string;
  /** False if it was there before, empty. */
  readonly isNew: boolean;
}

/** Options of {@link createContentFiler}. */
export interface ContentFilerOptions {
  readonly content: ContentStore;
  readonly tree: TreeTarget;
  /** The directory that contains all checkouts. Default `/checkouts`. */
  readonly root?: string;
}

const OPTIONS = is.optionsOf<ContentFilerOptions>(
  { content: CONTENT_STORE, tree: TREE_TARGET },
  { root: ABSOLUTE_PATH },
);

class ContentFiler implements Filer {
  readonly updateIntervalMs = 0;
  readonly #content: ContentStore;
  readonly #tree: TreeTarget;
  readonly #root: string;
  #checkouts = 0;

  constructor({ content, tree, root = '/checkouts' }: ContentFilerOptions) {
    this.#content = content;
    this.#tree = tree;
    this.#root = root;
  }

  get cancelBoundMs(): number {
    return this.#content.cancelBoundMs;
  }

  checkout(snapshotId: string, cancel?: Cancellable): Promise<Checkout> {
    const dir = this.#nextDir();
    return this.#checkOut(snapshotId, () => this.#firstNew(dir), cancel);
  }

  async checkoutAt(snapshotId: string, dir: string, cancel?: Cancellable): Promise<Checkout> {
    check('snapshotId', snapshotId, SNAPSHOT_ID);
    check('dir', dir, ABSOLUTE_PATH);
    return this.#checkOut(snapshotId, () => this.#emptyDir(dir), cancel);
  }

  async #checkOut(
    snapshotId: string,
    take: () => MaybePromise<TakenDir>,
    cancel: Cancellable | undefined,
  ): Promise<Checkout> {
    check('snapshotId', snapshotId, SNAPSHOT_ID);
    throwIfCancelled(cancel, 'checkout');
    const root = digestOfSnapshot(snapshotId);
    if (root === undefined) throw unknownSnapshot(snapshotId);
    const found = await this.#find(root, cancel);
    const hold = this.#content.hold(found.blobs);
    try {
      const missing = await this.#content.findMissing(found.blobs, cancel);
      if (missing.length > 0) throw new MissingBlobsError(missing);
      const taken = await take();
      await this.#fill(taken, digestKey(root), found, cancel);
      return this.#checkoutOf(snapshotId, taken.dir);
    } finally {
      hold.release();
    }
  }

  /** Restores what was there if it fails. */
  async #fill(
    { dir, isNew }: TakenDir,
    key: string,
    found: FoundTree,
    cancel: Cancellable | undefined,
  ): Promise<void> {
    try {
      await this.#write(dir, key, found, cancel);
    } catch (error) {
      await this.#tree.remove(dir);
      if (!isNew) await this.#tree.makeDir(dir);
      throw error;
    }
  }

  #nextDir(): string {
    const dir = `${this.#root}/${this.#checkouts}`;
    this.#checkouts += 1;
    return dir;
  }

  /** The directory, or the next one that is free: other filers may have checkouts in the same tree. */
  #firstNew(dir: string): MaybePromise<TakenDir> {
    return whenThere(this.#tree.entryAt(dir), (entry) =>
      entry === undefined ? this.#made(dir) : this.#firstNew(this.#nextDir()),
    );
  }

  #emptyDir(dir: string): MaybePromise<TakenDir> {
    return whenThere(this.#tree.entryAt(dir), (entry) => {
      if (entry === undefined) return this.#made(dir);
      if (entry.kind !== 'dir') throw notEmpty(dir);
      return whenThere(this.#tree.entriesUnder(dir), ({ size }) => {
        if (size > 0) throw notEmpty(dir);
        return { dir, isNew: false };
      });
    });
  }

  #made(dir: string): MaybePromise<TakenDir> {
    return whenThere(this.#tree.makeDir(dir), () => ({ dir, isNew: true }));
  }

  async ingest(path: string, cancel?: Cancellable): Promise<string> {
    check('path', path, ABSOLUTE_PATH);
    const name = path.slice(path.lastIndexOf('/') + 1);
    const entry = await this.#tree.entryAt(path);
    return this.ingestMap(new Map([[path, entry?.kind === 'dir' ? '' : name]]), cancel);
  }

  async ingestMap(paths: ReadonlyMap<string, string>, cancel?: Cancellable): Promise<string> {
    checkIngestPaths(paths);
    throwIfCancelled(cancel, 'ingestion');
    const gathered = new GatheredEntries<TreeEntry>(() => ({ kind: 'dir' }));
    for (const [source, target] of paths) {
      const entry = await this.#tree.entryAt(source);
      if (entry === undefined) {
        throw new RunnerError('RUNNER_FILER_FAILED', `No such file or directory: ${source}`);
      }
      gathered.add(target, entry);
      if (entry.kind !== 'dir') continue;
      for (const [path, inner] of await this.#tree.entriesUnder(source)) {
        gathered.add(target === '' ? path : `${target}/${path}`, inner);
      }
    }
    return snapshotOfDigest((await storeTree(this.#content, sourceOf(gathered.entries), cancel)).digest);
  }

  update(cancel?: Cancellable): void {
    throwIfCancelled(cancel, 'update');
  }

  #checkoutOf(id: string, path: string): Checkout {
    let isReleased = false;
    const release = async (): Promise<void> => {
      if (isReleased) return;
      isReleased = true;
      await this.#tree.remove(path);
    };
    const requireIntact = (): MaybePromise<void> =>
      whenThere(this.#tree.entryAt(path), (entry) => {
        if (entry?.kind !== 'dir') throw goneCheckout();
      });
    return { id, path, requireIntact, release };
  }

  /** All directories of a tree; fails with an error that names all missing ones. */
  async #find(root: Digest, cancel: Cancellable | undefined): Promise<FoundTree> {
    const missing: Digest[] = [];
    const directories = new Map<string, DirectoryMessage>();
    const blobs: Digest[] = [];
    const walk = new TreeWalk(this.#content, root, (digest) => missing.push(digest), cancel);
    for (let one = await walk.next(); one !== undefined; one = await walk.next()) {
      const { digest, message } = one;
      directories.set(digestKey(digest), message);
      blobs.push(digest);
      for (const file of message.files) if (file.digest !== null) blobs.push(file.digest);
    }
    if (missing.length > 0) throw new MissingBlobsError(missing);
    return { directories, blobs };
  }

  async #write(dir: string, key: string, found: FoundTree, cancel: Cancellable | undefined): Promise<void> {
    const message = found.directories.get(key) as Init<DirectoryMessage>;
    for (const { name, digest, isExecutable } of message.files as DirectoryMessage['files']) {
      throwIfCancelled(cancel, 'checkout');
      const bytes = await this.#content.read(digest as Digest, {}, cancel);
      await this.#tree.writeFile(`${dir}/${name}`, bytes, isExecutable);
    }
    for (const { name, target } of message.symlinks as DirectoryMessage['symlinks']) {
      await this.#tree.makeLink(`${dir}/${name}`, target);
    }
    for (const { name, digest } of message.directories as DirectoryMessage['directories']) {
      await this.#tree.makeDir(`${dir}/${name}`);
      await this.#write(`${dir}/${name}`, digestKey(digest as Digest), found, cancel);
    }
  }
}

function notEmpty(dir: string): RunnerError {
  return new RunnerError('RUNNER_FILER_FAILED', `Not an empty directory: ${dir}`);
}

/**
 * Creates a filer for Bazel runs: it checks input roots out of a content store into a tree, and ingests parts of the
 * tree as input roots.
 *
 * A root that is not in the store, or has missing blobs, fails with `RUNNER_MISSING_BLOBS`; a tree that leads out of
 * itself fails with `RUNNER_BAD_MESSAGE`.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid parts.
 * @example
 * ```ts
 * import { createMemoryTree } from 'dryrunner';
 * import { createContentFiler, createMemoryContentStore } from 'dryrunner/remote';
 * const tree = createMemoryTree();
 * const filer = createContentFiler({ content: createMemoryContentStore(), tree });
 * tree.writeFile('/src/main.c', 'int main;');
 * const snapshotId = await filer.ingest('/src');
 * const checkout = await filer.checkout(snapshotId);
 * console.log(snapshotId.slice(0, 3), tree.kindOf(`${checkout.path}/main.c`)); // bz- file
 * await checkout.release();
 * ```
 */
export function createContentFiler(options: ContentFilerOptions): Filer {
  check('options', options, OPTIONS);
  return new ContentFiler(options);
}
