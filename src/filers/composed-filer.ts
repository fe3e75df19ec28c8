/** A filer put together from a checkouter, an ingester and an updater. Invariant: it adds nothing of its own. */
import { checkMethods, checkRecord } from '../kernel/argument-check.ts';
import type { Cancellable } from '../model/cancellation.ts';
import type { Checkout, Checkouter, Filer, Ingester, Updater } from '../model/filer.ts';
import type { MaybePromise } from '../model/maybe-promise.ts';

/** The parts of {@link composeFiler}. Any filer can stand for any part. */
export interface FilerParts {
  readonly checkouter: Checkouter;
  readonly ingester: Ingester;
  readonly updater: Updater;
  /** The largest bound of the parts (R199). Default 0. */
  readonly cancelBoundMs?: number;
}

class ComposedFiler implements Filer {
  readonly cancelBoundMs: number;
  readonly #parts: FilerParts;

  constructor(parts: FilerParts) {
    this.cancelBoundMs = parts.cancelBoundMs ?? 0;
    this.#parts = parts;
  }

  get updateIntervalMs(): number {
    return this.#parts.updater.updateIntervalMs;
  }

  checkout(snapshotId: string, cancel?: Cancellable): MaybePromise<Checkout> {
    return this.#parts.checkouter.checkout(snapshotId, cancel);
  }

  checkoutAt(snapshotId: string, dir: string, cancel?: Cancellable): MaybePromise<Checkout> {
    return this.#parts.checkouter.checkoutAt(snapshotId, dir, cancel);
  }

  ingest(path: string, cancel?: Cancellable): MaybePromise<string> {
    return this.#parts.ingester.ingest(path, cancel);
  }

  ingestMap(paths: ReadonlyMap<string, string>, cancel?: Cancellable): MaybePromise<string> {
    return this.#parts.ingester.ingestMap(paths, cancel);
  }

  update(cancel?: Cancellable): MaybePromise<void> {
    return this.#parts.updater.update(cancel);
  }
}

/**
 * Makes one filer of three parts (R170).
 *
 * @example
 * ```ts
 * import { composeFiler, createCountingUpdater, createVirtualFiler } from 'dryrunner';
 * const files = createVirtualFiler();
 * const filer = composeFiler({ checkouter: files, ingester: files, updater: createCountingUpdater() });
 * ```
 */
export function composeFiler(parts: FilerParts): Filer {
  checkRecord('parts', 'the parts of a filer', parts);
  checkMethods('checkouter', parts.checkouter, ['checkout', 'checkoutAt']);
  checkMethods('ingester', parts.ingester, ['ingest', 'ingestMap']);
  checkMethods('updater', parts.updater, ['update']);
  return new ComposedFiler(parts);
}
