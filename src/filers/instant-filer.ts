/** The contract of filers that answer at once, for those who know that they have one: no promise to await. */
import type { Cancellable } from '../model/cancellation.ts';
import type { Checkout, Filer } from '../model/filer.ts';

/** A checkout whose release is over when it returns. */
export interface InstantCheckout extends Checkout {
  release(): void;
}

/** A filer whose answers are there when the call returns; what goes wrong is thrown. */
export interface InstantFiler extends Filer {
  checkout(snapshotId: string, cancel?: Cancellable): InstantCheckout;
  checkoutAt(snapshotId: string, dir: string, cancel?: Cancellable): InstantCheckout;
  ingest(path: string, cancel?: Cancellable): string;
  ingestMap(paths: ReadonlyMap<string, string>, cancel?: Cancellable): string;
  update(cancel?: Cancellable): void;
}
