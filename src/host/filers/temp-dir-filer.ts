/**
 * A filer that knows any id and gives each checkout a new, empty directory on the disk (R174). Invariant: it keeps nothing, so it
 * refuses to ingest rather than losing what it was given.
 */
import { RunnerError } from '../../kernel/errors.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import { checkAbsolutePath, checkSnapshotId } from '../../filers/filer-arguments.ts';
import { throwIfCancelled } from '../../filers/filer-error.ts';
import { DirCheckout, prepareTarget } from './dir-checkout.ts';
import type { DiskFiler } from './disk-filer.ts';
import { createTempDirs } from './temp-dirs.ts';
import type { DiskTempDirs, TempDirsOptions } from './temp-dirs.ts';

class TempDirFiler implements DiskFiler {
  readonly cancelBoundMs = 5_000;
  readonly updateIntervalMs = 0;
  readonly #dirs: DiskTempDirs;

  constructor(options: TempDirsOptions) {
    this.#dirs = createTempDirs(options);
  }

  async checkout(snapshotId: string, cancel?: Cancellable): Promise<DirCheckout> {
    checkSnapshotId(snapshotId);
    throwIfCancelled(cancel, 'checkout');
    const { path } = await this.#dirs.create(snapshotId);
    return new DirCheckout(path, snapshotId);
  }

  async checkoutAt(snapshotId: string, dir: string, cancel?: Cancellable): Promise<DirCheckout> {
    checkSnapshotId(snapshotId);
    checkAbsolutePath('dir', dir);
    throwIfCancelled(cancel, 'checkout');
    return prepareTarget(dir, snapshotId);
  }

  async ingest(): Promise<never> {
    throw new RunnerError('RUNNER_FILER_FAILED', 'the temp-dir filer keeps no snapshots');
  }

  ingestMap(): Promise<never> {
    return this.ingest();
  }

  async update(cancel?: Cancellable): Promise<void> {
    throwIfCancelled(cancel, 'update');
  }
}

/**
 * Makes the filer of empty directories (R174).
 *
 * @example
 * ```ts
 * import { createTempDirFiler } from 'dryrunner/host';
 * const checkout = await createTempDirFiler().checkout('any id');
 * await checkout.release();
 * ```
 */
export function createTempDirFiler(options: TempDirsOptions = {}): DiskFiler {
  return new TempDirFiler(options);
}
