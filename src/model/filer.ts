/** The contract for moving files in and out: checkouts, ingestion, updates (R170). */
import type { Cancellable } from './cancellation.ts';
import type { MaybePromise } from './maybe-promise.ts';

/** A directory with the content of a snapshot, owned by the caller until released (R171). */
export interface Checkout {
  /** Absolute path; must not be used after the release. */
  readonly path: string;
  /** The snapshot's id. */
  readonly id: string;
  /**
   * Rejects, with `RUNNER_DISK_FAILED` for example, if what is at `path` is no longer the directory that was checked
   * out: somebody removed or replaced it. An action is a failure then, whatever its command returned (R191). Default: it
   * is never checked.
   */
  requireIntact?(): MaybePromise<void>;
  /** Frees everything that the checkout allocated; a second call is a no-op (R171, R172). */
  release(): MaybePromise<void>;
}

/** Checks out snapshots. A cancelled checkout fails within the filer's `cancelBoundMs` (R173). */
export interface Checkouter {
  /** Checks out into a directory that the filer chooses. */
  checkout(snapshotId: string, cancel?: Cancellable): MaybePromise<Checkout>;
  /** Checks out into the directory `dir`. */
  checkoutAt(snapshotId: string, dir: string, cancel?: Cancellable): MaybePromise<Checkout>;
}

/** Creates snapshots and returns their ids. */
export interface Ingester {
  /** A file becomes one file of the snapshot, a directory contributes its contents (R174). */
  ingest(path: string, cancel?: Cancellable): MaybePromise<string>;
  /** Maps each source path to its path inside the snapshot. */
  ingestMap(paths: ReadonlyMap<string, string>, cancel?: Cancellable): MaybePromise<string>;
}

/** Keeps a local copy up to date. */
export interface Updater {
  /** Milliseconds between updates; 0 = never (R75). */
  readonly updateIntervalMs: number;
  update(cancel?: Cancellable): MaybePromise<void>;
}

/** A complete filer: checks out, ingests and updates. */
export interface Filer extends Checkouter, Ingester, Updater {
  /** A cancelled checkout or ingestion ends within this many milliseconds (R106, R199). */
  readonly cancelBoundMs: number;
}
