/**
 * Gets the directory to run in, and gives it back. Invariants: a checkout that succeeded is released exactly once, even
 * if it came after the run had abandoned it (R94, R106); the filer is not called for a run without a snapshot (R92).
 */
import { EXIT_CODES, ExitCodeError } from '../../model/exit-code.ts';
import type { Checkout, Filer } from '../../model/filer.ts';
import { isPending, orElse, type MaybePromise } from '../../model/maybe-promise.ts';
import { runTypeOf } from '../../model/run-type.ts';
import { TEMP_DIR_NAME } from '../../model/undisturbed-run.ts';
import { checkCheckout } from './answers.ts';
import type { Phase } from './phase.ts';
import type { RunContext } from './run-context.ts';

/** R91–R93, R106. */
export const checkoutPhase: Phase = {
  begin(run) {
    const filer = neededFiler(run);
    return hasSnapshot(run) ? checkoutSnapshot(run, filer) : makeTempDir(run);
  },
  boundMs: (run) => boundOf(run),
  abandon: (run) => run.abandoned('checkout', checkoutName(run)),
};

/** R94: an error here does not change the status, but is recorded with code 213. */
export const releasePhase: Phase = {
  begin(run) {
    const { checkout } = run;
    if (checkout === undefined) return undefined;
    return release(run, checkout);
  },
  boundMs: (run) => boundOf(run),
  abandon: (run) => run.abandoned('checkout', checkoutName(run)),
};

/** The filer of the run's type; if there is none, the run fails (R91, R185). */
export function neededFiler(run: RunContext): Filer {
  const filer = filerOf(run);
  if (filer !== undefined) return filer;
  const type = runTypeOf(run.command.snapshotId);
  throw new ExitCodeError(EXIT_CODES.PREPROCESSING, `no filer for run type ${type}`);
}

export function hasSnapshot(run: RunContext): boolean {
  return run.command.snapshotId !== undefined && run.command.snapshotId !== '';
}

/** Why work in the checkout failed: if the checkout is gone, that is the reason, whatever the error says. */
export async function reasonOf({ checkout }: RunContext, error: unknown): Promise<unknown> {
  try {
    await checkout?.requireIntact?.();
    return error;
  } catch (loss) {
    return loss;
  }
}

function checkoutName(run: RunContext): string {
  return hasSnapshot(run) ? (run.command.snapshotId as string) : TEMP_DIR_NAME;
}

function filerOf(run: RunContext): Filer | undefined {
  return run.parts.filers.get(runTypeOf(run.command.snapshotId))?.filer;
}

function boundOf(run: RunContext): number {
  return hasSnapshot(run) ? (filerOf(run)?.cancelBoundMs ?? 0) : run.parts.tempDirs.boundMs;
}

function makeTempDir(run: RunContext): MaybePromise<void> {
  const dir = run.parts.tempDirs.create(`run-${run.runId}`);
  return isPending(dir) ? dir.then((made) => accept(run, made)) : accept(run, dir);
}

/** `workerDownloadLatency_ms` counts failed checkouts, but not those cancelled by a stop (R177). */
function checkoutSnapshot(run: RunContext, filer: Filer): MaybePromise<void> {
  const { instruments, world } = run.parts;
  const startedAt = world.clock.now();
  instruments.downloads.increment();
  run.action?.note('inputFetchStartMs');
  const measure = (): void => {
    if (run.stop !== 'none') return;
    instruments.downloadLatency.record(world.clock.now() - startedAt);
    run.action?.measure('inputFetch', startedAt);
  };
  let checkout: MaybePromise<Checkout>;
  try {
    checkout = filer.checkout(run.command.snapshotId as string, run.freshCancellation());
  } catch (error) {
    measure();
    throw error;
  }
  if (!isPending(checkout)) {
    measure();
    return accept(run, checkout);
  }
  return checkout.then(
    (ready) => {
      measure();
      return accept(run, ready);
    },
    (error: unknown) => {
      measure();
      throw error;
    },
  );
}

function accept(run: RunContext, checkout: Checkout): MaybePromise<void> {
  checkCheckout(hasSnapshot(run) ? 'checkout' : 'tempdir', checkout);
  run.acquired('checkout', checkoutName(run));
  if (run.phase !== 'checkout') return release(run, checkout);
  run.checkout = checkout;
  run.action?.note('inputFetchCompletedMs');
  return undefined;
}

function release(run: RunContext, checkout: Checkout): MaybePromise<void> {
  const released = orElse(
    () => checkout.release(),
    (error) => run.recorded('release', error, EXIT_CODES.CHECKOUT_RELEASE),
  );
  if (isPending(released)) return released.then(() => run.freed('checkout', checkoutName(run)));
  run.freed('checkout', checkoutName(run));
  return undefined;
}
