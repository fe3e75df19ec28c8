/**
 * A filer whose snapshots and checkouts are in a tree in memory. Invariant: a snapshot never changes, and a checkout is
 * a copy, and its release leaves the tree as it was before.
 */
import { RunnerError } from '../kernel/errors.ts';
import type { Cancellable } from '../model/cancellation.ts';
import { checkIngestPaths, SNAPSHOT_ID, ABSOLUTE_PATH } from './filer-arguments.ts';
import { throwIfCancelled, unknownSnapshot } from './filer-error.ts';
import { GatheredEntries } from './gathered-entries.ts';
import type { InstantCheckout, InstantFiler } from './instant-filer.ts';
import { createMemoryTree } from './memory-tree.ts';
import type { MemoryTree, TreeEntries, TreeEntry } from './memory-tree.ts';
import { check } from '../kernel/argument-check.ts';

/** An in-memory filer (R174). */
export interface MemoryFiler extends InstantFiler {
  /** The tree from which it ingests, and which contains its checkouts. */
  readonly tree: MemoryTree;
}

const CHECKOUTS = '/checkouts';
const DIR: TreeEntry = Object.freeze({ kind: 'dir' });

class TreeFiler implements MemoryFiler {
  readonly cancelBoundMs = 0;
  readonly updateIntervalMs = 0;
  readonly tree: MemoryTree;
  readonly #snapshots: TreeEntries[] = [];
  /** Directories that checkouts have made and no release has removed. */
  readonly #made = new Set<string>();
  #checkouts = 0;

  constructor(tree: MemoryTree) {
    this.tree = tree;
  }

  checkout(snapshotId: string, cancel?: Cancellable): InstantCheckout {
    const dir = `${CHECKOUTS}/${this.#checkouts}`;
    this.#checkouts += 1;
    return this.checkoutAt(snapshotId, dir, cancel);
  }

  checkoutAt(snapshotId: string, dir: string, cancel?: Cancellable): InstantCheckout {
    check('snapshotId', snapshotId, SNAPSHOT_ID);
    check('dir', dir, ABSOLUTE_PATH);
    throwIfCancelled(cancel, 'checkout');
    const snapshot = this.#find(snapshotId);
    if ((this.tree.kindOf(dir) ?? 'dir') !== 'dir' || this.tree.entriesUnder(dir).size > 0) {
      throw new RunnerError('RUNNER_FILER_FAILED', `Not an empty directory: ${dir}`);
    }
    const missing = wayTo(dir).filter((above) => this.tree.kindOf(above) === undefined);
    this.tree.putUnder(dir, snapshot);
    for (const made of missing) this.#made.add(made);
    let isReleased = false;
    return {
      path: dir,
      id: snapshotId,
      release: () => {
        // On a second release, the path may already belong to a later checkout.
        if (!isReleased) this.#release(dir);
        isReleased = true;
      },
    };
  }

  ingest(path: string, cancel?: Cancellable): string {
    check('path', path, ABSOLUTE_PATH);
    const name = path.slice(path.lastIndexOf('/') + 1);
    const target = this.tree.kindOf(path) === 'dir' ? '' : name;
    return this.ingestMap(new Map([[path, target]]), cancel);
  }

  ingestMap(paths: ReadonlyMap<string, string>, cancel?: Cancellable): string {
    checkIngestPaths(paths);
    throwIfCancelled(cancel, 'ingestion');
    const gathered = new GatheredEntries<TreeEntry>(() => DIR);
    for (const [source, target] of paths) this.#gather(gathered, source, target);
    // A copy: nobody who holds an entry can change the snapshot.
    const snapshot = createMemoryTree();
    snapshot.putUnder('/', gathered.entries);
    this.#snapshots.push(snapshot.entriesUnder('/'));
    return String(this.#snapshots.length - 1);
  }

  update(cancel?: Cancellable): void {
    throwIfCancelled(cancel, 'update');
  }

  #release(dir: string): void {
    const way = wayTo(dir).reverse();
    const [at = '/'] = way;
    const stays = this.tree.kindOf(at) === 'dir' && !this.#made.has(at);
    this.tree.remove(at);
    if (stays) this.tree.makeDir(at);
    for (const above of way) {
      if (this.tree.entriesUnder(above).size > 0 || !this.#made.delete(above)) return;
      this.tree.remove(above);
    }
  }

  #gather(gathered: GatheredEntries<TreeEntry>, source: string, target: string): void {
    const entry = this.tree.entryAt(source);
    if (entry === undefined) {
      throw new RunnerError('RUNNER_FILER_FAILED', `No such file or directory: ${source}`);
    }
    gathered.add(target, entry);
    if (entry.kind !== 'dir') return;
    for (const [path, inner] of this.tree.entriesUnder(source)) {
      gathered.add(target === '' ? path : `${target}/${path}`, inner);
    }
  }

  #find(snapshotId: string): TreeEntries {
    const snapshot = this.#snapshots[Number(snapshotId)];
    // "00" and " 0" convert to numbers too, but are not ids of this filer.
    if (snapshot !== undefined && String(Number(snapshotId)) === snapshotId) return snapshot;
    throw unknownSnapshot(snapshotId);
  }
}

/** A path and all above it, the root left out, the shortest first. */
function wayTo(path: string): string[] {
  const segments = path.split('/').filter((segment) => segment !== '');
  return segments.map((_, index) => `/${segments.slice(0, index + 1).join('/')}`);
}

/**
 * Creates a filer whose ingestions return "0", "1", … and that checks them out into its tree (R174). A file becomes one
 * file of the snapshot, a directory contributes its contents. Unknown ids fail with `RUNNER_UNKNOWN_SNAPSHOT`, "No
 * snapshot with id: X".
 *
 * @example
 * ```ts
 * import { createMemoryFiler } from 'dryrunner';
 * const filer = createMemoryFiler();
 * filer.tree.writeFile('/src/main.c', 'int main;');
 * const checkout = filer.checkout(filer.ingest('/src'));
 * if (filer.tree.kindOf(`${checkout.path}/main.c`) !== 'file') throw new Error('not checked out');
 * checkout.release();
 * ```
 */
export function createMemoryFiler(tree: MemoryTree = createMemoryTree()): MemoryFiler {
  return new TreeFiler(tree);
}
