/**
 * An updater whose updates a test can pause and resume. Invariant: an update counts when it ends, not when it begins.
 */
import * as is from '../kernel/shape.ts';
import { leaveSignal, type SignalWaiter, waitWithSignal } from '../kernel/signal-waiters.ts';
import { check } from '../kernel/argument-check.ts';
import type { Cancellable } from '../model/cancellation.ts';
import type { Updater } from '../model/filer.ts';
import type { MaybePromise } from '../model/maybe-promise.ts';
import { cancelledOperation, throwIfCancelled } from './filer-error.ts';

/** Options of {@link createCountingUpdater}. */
export interface CountingUpdaterOptions {
  /** Interval at which the runner asks for an update, in milliseconds (R75). Default 0: never. */
  readonly updateIntervalMs?: number;
  /** True: updates wait for `unpause`. Default true. */
  readonly paused?: boolean;
  /** Called with `running` when an update begins. */
  readonly say?: (word: 'running') => void;
}

const UPDATER_OPTIONS = is.optionsOf<CountingUpdaterOptions>(
  {},
  { updateIntervalMs: is.DURATION_MS, paused: is.BOOLEAN, say: is.FUNCTION },
);

/** An updater that counts its updates (R174). */
export interface CountingUpdater extends Updater {
  /** Number of updates that have ended. */
  readonly count: number;
  /** Number of updates waiting for `unpause`. */
  readonly running: number;
  /** Resumes the update that has waited longest; false if none waits. */
  unpause(): boolean;
}

class PausedUpdate {
  readonly promise: Promise<void>;
  resolve!: () => void;
  reject!: (error: Error) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

class PausableUpdater implements CountingUpdater {
  readonly updateIntervalMs: number;
  count = 0;
  readonly #paused: boolean;
  readonly #say: ((word: 'running') => void) | undefined;
  readonly #waiting: PausedUpdate[] = [];

  constructor({ updateIntervalMs = 0, paused = true, say }: CountingUpdaterOptions) {
    this.updateIntervalMs = updateIntervalMs;
    this.#paused = paused;
    this.#say = say;
  }

  get running(): number {
    return this.#waiting.length;
  }

  update(cancel?: Cancellable): MaybePromise<void> {
    throwIfCancelled(cancel, 'update');
    this.#say?.('running');
    if (!this.#paused) {
      this.count += 1;
      return;
    }
    const update = new PausedUpdate();
    this.#waiting.push(update);
    if (cancel === undefined) return update.promise;
    const { signal } = cancel;
    const waiter: SignalWaiter = { cancelRequested: () => this.#cancel(update) };
    waitWithSignal(signal, waiter);
    return update.promise.finally(() => leaveSignal(signal, waiter));
  }

  unpause(): boolean {
    const update = this.#waiting.shift();
    if (update === undefined) return false;
    this.count += 1;
    update.resolve();
    return true;
  }

  #cancel(update: PausedUpdate): void {
    const index = this.#waiting.indexOf(update);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    update.reject(cancelledOperation('update'));
  }
}

/**
 * Creates an updater whose updates say `running`, wait for `unpause`, and are counted (R174). A cancelled update fails
 * at once.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a negative or non-finite interval.
 * @example
 * ```ts
 * import { createCountingUpdater } from 'dryrunner';
 * const updater = createCountingUpdater({ updateIntervalMs: 1000 });
 * const update = updater.update();
 * updater.unpause();
 * await update;
 * if (updater.count !== 1) throw new Error('not counted');
 * ```
 */
export function createCountingUpdater(options: CountingUpdaterOptions = {}): CountingUpdater {
  check('options', options, UPDATER_OPTIONS);
  return new PausableUpdater(options);
}
