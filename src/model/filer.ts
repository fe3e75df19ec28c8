/** The contract of what brings files in and out: checkouts, ingestion, updates (R170). */
import type { Cancellable } from './cancellation.ts';
import type { MaybePromise } from './maybe-promise.ts';

/** A directory with a snapshot's content, owned until released (R171). */
export interface Checkout {
  /** Absolute path; not to be used after the release. */
  readonly path: string;
  /** The snapshot's id. */
  readonly id: string;
  /** Frees everything that making it took; a second call does nothing (R171, R172). */
  release(): MaybePromise<void>;
}

/** Checks snapshots out. A cancelled checkout fails soon, within the filer's `cancelBoundMs` (R173). */
export interface Checkouter {
  checkout(snapshotId: string, cancel?: Cancellable): MaybePromise<Checkout>;
  checkoutAt(snapshotId: string, dir: string, cancel?: Cancellable): MaybePromise<Checkout>;
}

/** Makes snapshots and gives their ids. */
export interface Ingester {
  /** A file ingests as one file, a directory as its contents (R174). */
  ingest(path: string, cancel?: Cancellable): MaybePromise<string>;
  /** Source path → path inside the snapshot. */
  ingestMap(paths: ReadonlyMap<string, string>, cancel?: Cancellable): MaybePromise<string>;
}

/** Keeps a local copy fresh. */
export interface Updater {
  /** 0 = never asks (R75). */
  readonly updateIntervalMs: number;
  update(cancel?: Cancellable): MaybePromise<void>;
}

/** All three. */
export interface Filer extends Checkouter, Ingester, Updater {
  /** Within this many milliseconds a cancelled checkout or ingestion has ended (R106, R199). */
  readonly cancelBoundMs: number;
}
