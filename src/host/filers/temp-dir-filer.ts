/**
 * A filer that accepts any id and gives each checkout a new, empty directory on the disk (R174). Invariant: it stores
 * nothing, so it refuses to ingest rather than lose data.
 */
import { RunnerError } from '../../kernel/errors.ts';
import { throwIfCancelled } from '../../filers/filer-error.ts';
import { DirCheckout, prepareTarget } from './dir-checkout.ts';
import type { DiskFiler } from './disk-filer.ts';
import { createTempDirs } from './temp-dirs.ts';
import type { TempDirsOptions } from './temp-dirs.ts';
import { check } from '../../kernel/argument-check.ts';
import { SNAPSHOT_ID, ABSOLUTE_PATH } from '../../filers/filer-arguments.ts';

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
  const dirs = createTempDirs(options);
  const refuse = (): Promise<never> =>
    Promise.reject(new RunnerError('RUNNER_FILER_FAILED', 'the temp-dir filer keeps no snapshots'));
  return {
    cancelBoundMs: 5_000,
    updateIntervalMs: 0,
    async checkout(snapshotId, cancel) {
      check('snapshotId', snapshotId, SNAPSHOT_ID);
      throwIfCancelled(cancel, 'checkout');
      const { path } = await dirs.create(snapshotId);
      return new DirCheckout(path, snapshotId);
    },
    async checkoutAt(snapshotId, dir, cancel) {
      check('snapshotId', snapshotId, SNAPSHOT_ID);
      check('dir', dir, ABSOLUTE_PATH);
      throwIfCancelled(cancel, 'checkout');
      return prepareTarget(dir, snapshotId);
    },
    ingest: refuse,
    ingestMap: refuse,
    async update(cancel) {
      throwIfCancelled(cancel, 'update');
    },
  };
}
