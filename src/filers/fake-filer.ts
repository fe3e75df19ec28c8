/**
 * Filers without files: a fixed path, an invalid path, or a new virtual path per checkout. Invariant: they answer
 * synchronously and accept any id.
 */
import type { Cancellable } from '../model/cancellation.ts';
import { checkIngestPaths, SNAPSHOT_ID, ABSOLUTE_PATH } from './filer-arguments.ts';
import { throwIfCancelled } from './filer-error.ts';
import type { InstantCheckout, InstantFiler } from './instant-filer.ts';
import { check } from '../kernel/argument-check.ts';

/** The path of every checkout of the invalid filer: absolute, but it does not exist (R174). */
export const INVALID_PATH = '/path/is/invalid';

function fakeCheckout(path: string, id: string): InstantCheckout {
  return { path, id, release: () => undefined };
}

class FakeFiler implements InstantFiler {
  readonly cancelBoundMs = 0;
  readonly updateIntervalMs = 0;
  readonly #root: string;
  readonly #numbered: boolean;
  #checkouts = 0;
  #ingested = 0;

  constructor(root: string, numbered: boolean) {
    this.#root = root;
    this.#numbered = numbered;
  }

  checkout(snapshotId: string, cancel?: Cancellable): InstantCheckout {
    check('snapshotId', snapshotId, SNAPSHOT_ID);
    throwIfCancelled(cancel, 'checkout');
    if (!this.#numbered) return fakeCheckout(this.#root, snapshotId);
    const path = `${this.#root}/checkout-${this.#checkouts}`;
    this.#checkouts += 1;
    return fakeCheckout(path, snapshotId);
  }

  checkoutAt(snapshotId: string, dir: string, cancel?: Cancellable): InstantCheckout {
    check('snapshotId', snapshotId, SNAPSHOT_ID);
    check('dir', dir, ABSOLUTE_PATH);
    throwIfCancelled(cancel, 'checkout');
    return fakeCheckout(dir, snapshotId);
  }

  ingest(path: string, cancel?: Cancellable): string {
    check('path', path, ABSOLUTE_PATH);
    throwIfCancelled(cancel, 'ingestion');
    return this.#nextId();
  }

  ingestMap(paths: ReadonlyMap<string, string>, cancel?: Cancellable): string {
    checkIngestPaths(paths);
    throwIfCancelled(cancel, 'ingestion');
    return this.#nextId();
  }

  update(cancel?: Cancellable): void {
    throwIfCancelled(cancel, 'update');
  }

  #nextId(): string {
    const id = String(this.#ingested);
    this.#ingested += 1;
    return id;
  }
}

/**
 * A filer whose checkouts all have the same path, whatever the id (R174). Ingesting returns "0", "1", … and stores
 * nothing.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `path` is not absolute.
 * @example
 * ```ts
 * import { createFixedFiler } from 'dryrunner';
 * const filer = createFixedFiler('/srv/build');
 * ```
 */
export function createFixedFiler(path: string): InstantFiler {
  check('path', path, ABSOLUTE_PATH);
  return new FakeFiler(path, false);
}

/**
 * A filer whose checkouts have a path that does not exist, `INVALID_PATH` (R174).
 *
 * @example
 * ```ts
 * import { createInvalidFiler } from 'dryrunner';
 * const filer = createInvalidFiler();
 * ```
 */
export function createInvalidFiler(): InstantFiler {
  return new FakeFiler(INVALID_PATH, false);
}

/**
 * A filer whose checkouts are new, empty directories of a virtual disk: `ROOT/checkout-0`, … (R174).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `root` is not absolute.
 * @example
 * ```ts
 * import { createVirtualFiler } from 'dryrunner';
 * const filer = createVirtualFiler();
 * ```
 */
export function createVirtualFiler(root = '/virtual'): InstantFiler {
  check('root', root, ABSOLUTE_PATH);
  return new FakeFiler(root, true);
}
