/** The contract of filers that answer synchronously, for callers that need not await a promise. */
import type { Cancellable } from '../model/cancellation.ts';
import type { Checkout, Filer } from '../model/filer.ts';

/** A checkout whose release is complete when the call returns. */
export interface InstantCheckout extends Checkout {
  release(): void;
}

/** A filer whose calls return their results, and throw their errors, synchronously. */
export interface InstantFiler extends Filer {
  checkout(snapshotId: string, cancel?: Cancellable): InstantCheckout;
  checkoutAt(snapshotId: string, dir: string, cancel?: Cancellable): InstantCheckout;
  ingest(path: string, cancel?: Cancellable): string;
  ingestMap(paths: ReadonlyMap<string, string>, cancel?: Cancellable): string;
  update(cancel?: Cancellable): void;
}
