/**
 * The filers and temporary directories of a recorded runner: what is checked out, given back and updated is written down. Invariant: nothing
 * that either side sees is changed, neither what is asked and answered nor whether an answer is there at once.
 */
import type { Cancellable } from '../../model/cancellation.ts';
import type { TempDirs } from '../../model/collaborators.ts';
import type { Checkout, Filer } from '../../model/filer.ts';
import { isPending, whenThere, type MaybePromise } from '../../model/maybe-promise.ts';
import type { FilerAndInit, RunType, RunTypeMap } from '../../model/run-type.ts';
import type { RunnerTape } from './runner-tape.ts';

/** The filers with their init signals. */
export function tapedFilers(tape: RunnerTape, filers: RunTypeMap): RunTypeMap {
  const taped: RunTypeMap = new Map();
  for (const [type, { filer, init }] of filers) {
    const entry: FilerAndInit = { filer: new TapedFiler(tape, type, filer) };
    if (!isPending(init)) taped.set(type, entry);
    else {
      taped.set(type, { ...entry, init: tape.ask('init', type, undefined, () => init) as PromiseLike<void> });
    }
  }
  return taped;
}

class TapedFiler implements Filer {
  readonly #tape: RunnerTape;
  readonly #type: RunType;
  readonly #filer: Filer;

  constructor(tape: RunnerTape, type: RunType, filer: Filer) {
    this.#tape = tape;
    this.#type = type;
    this.#filer = filer;
  }

  get cancelBoundMs(): number {
    return this.#filer.cancelBoundMs;
  }

  get updateIntervalMs(): number {
    return this.#filer.updateIntervalMs;
  }

  checkout(snapshotId: string, cancel?: Cancellable): MaybePromise<Checkout> {
    return askCheckout(this.#tape, 'checkout', snapshotId, cancel, () =>
      this.#filer.checkout(snapshotId, cancel),
    );
  }

  checkoutAt(snapshotId: string, dir: string, cancel?: Cancellable): MaybePromise<Checkout> {
    return this.#filer.checkoutAt(snapshotId, dir, cancel);
  }

  ingest(path: string, cancel?: Cancellable): MaybePromise<string> {
    return this.#filer.ingest(path, cancel);
  }

  ingestMap(paths: ReadonlyMap<string, string>, cancel?: Cancellable): MaybePromise<string> {
    return this.#filer.ingestMap(paths, cancel);
  }

  update(cancel?: Cancellable): MaybePromise<void> {
    return this.#tape.ask('update', this.#type, cancel, () => this.#filer.update(cancel));
  }
}

function askCheckout(
  tape: RunnerTape,
  what: 'checkout' | 'tempdir',
  name: string,
  cancel: Cancellable | undefined,
  work: () => MaybePromise<Checkout>,
): MaybePromise<Checkout> {
  const checkout = tape.ask(what, name, cancel, work);
  return whenThere(checkout, (made) => new TapedCheckout(tape, name, made));
}

class TapedCheckout implements Checkout {
  readonly path: string;
  readonly id: string;
  readonly #tape: RunnerTape;
  readonly #name: string;
  readonly #checkout: Checkout;

  constructor(tape: RunnerTape, name: string, checkout: Checkout) {
    this.path = checkout.path;
    this.id = checkout.id;
    this.#tape = tape;
    this.#name = name;
    this.#checkout = checkout;
  }

  release(): MaybePromise<void> {
    return this.#tape.ask('release', this.#name, undefined, () => this.#checkout.release());
  }
}

/** Where commands without a snapshot run. */
export function tapedTempDirs(tape: RunnerTape, tempDirs: TempDirs): TempDirs {
  return {
    get boundMs() {
      return tempDirs.boundMs;
    },
    create: (name) => askCheckout(tape, 'tempdir', name, undefined, () => tempDirs.create(name)),
  };
}
