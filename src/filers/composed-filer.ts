/**
 * A filer composed of a checkouter, an ingester and an updater. Invariant: it adds no behaviour of its own, and gives each
 * part the time that it states.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Checkouter, Filer, Ingester, Updater } from '../model/filer.ts';

/** The parts of {@link composeFiler}. Any filer can serve as any part. */
export interface FilerParts {
  readonly checkouter: Checkouter;
  readonly ingester: Ingester;
  readonly updater: Updater;
  /**
   * The cancel bound of the whole in milliseconds: the largest of the parts (R199). Default: the largest that a part
   * states, as filers do, or 0 if none does.
   */
  readonly cancelBoundMs?: number;
}

const FILER_PARTS = is.objectOf<FilerParts>(
  'the parts of a filer',
  {
    checkouter: is.withMethods('checkout', 'checkoutAt'),
    ingester: is.withMethods('ingest', 'ingestMap'),
    updater: is.withMethods('update'),
  },
  { cancelBoundMs: is.limit() },
);

/**
 * Composes a filer of three parts (R170).
 *
 * @example
 * ```ts
 * import { composeFiler, createCountingUpdater, createVirtualFiler } from 'dryrunner';
 * const files = createVirtualFiler();
 * const filer = composeFiler({ checkouter: files, ingester: files, updater: createCountingUpdater() });
 * ```
 */
export function composeFiler(parts: FilerParts): Filer {
  check('parts', parts, FILER_PARTS);
  const {
    checkouter,
    ingester,
    updater,
    cancelBoundMs = statedBoundMs(checkouter, ingester, updater),
  } = parts;
  return {
    cancelBoundMs,
    get updateIntervalMs() {
      return updater.updateIntervalMs;
    },
    checkout: (snapshotId, cancel) => checkouter.checkout(snapshotId, cancel),
    checkoutAt: (snapshotId, dir, cancel) => checkouter.checkoutAt(snapshotId, dir, cancel),
    ingest: (path, cancel) => ingester.ingest(path, cancel),
    ingestMap: (paths, cancel) => ingester.ingestMap(paths, cancel),
    update: (cancel) => updater.update(cancel),
  };
}

function statedBoundMs(...parts: readonly object[]): number {
  return Math.max(0, ...parts.map((part: Partial<Pick<Filer, 'cancelBoundMs'>>) => part.cancelBoundMs ?? 0));
}
