/**
 * The contract of filers on the disk, for callers that know they have one: every operation is asynchronous, and
 * checkouts are directories.
 */
import type { Cancellable } from '../../model/cancellation.ts';
import type { Filer } from '../../model/filer.ts';
import type { DirCheckout } from './dir-checkout.ts';

/** A filer whose operations return promises. */
export interface DiskFiler extends Filer {
  checkout(snapshotId: string, cancel?: Cancellable): Promise<DirCheckout>;
  checkoutAt(snapshotId: string, dir: string, cancel?: Cancellable): Promise<DirCheckout>;
  ingest(path: string, cancel?: Cancellable): Promise<string>;
  ingestMap(paths: ReadonlyMap<string, string>, cancel?: Cancellable): Promise<string>;
  update(cancel?: Cancellable): Promise<void>;
}
