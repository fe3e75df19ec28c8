/** Optional helpers of an invocation. Each may be missing, which is a no-op (R117). */
import type { Cancellable } from './cancellation.ts';
import type { Command } from './command.ts';
import type { Checkout } from './filer.ts';
import type { MaybePromise } from './maybe-promise.ts';
import type { Output } from './output.ts';

/** Runs before the checkout or after the run, in list order; a failure is recorded and changes nothing (R90). */
export interface Processor {
  /** Shown where a failure is recorded. */
  readonly name: string;
  /** Within this many milliseconds a cancelled call has ended, and in a run that is being stopped any call (R102, R199). */
  readonly cancelBoundMs: number;
  process(command: Command, cancel: Cancellable): MaybePromise<void>;
}

/** Copies a finished log elsewhere and gives its URL (R113). */
export interface LogUploader {
  /** Within this many milliseconds a cancelled upload has ended (R108, R199). */
  readonly cancelBoundMs: number;
  /** An upload that takes longer is cancelled and counts as failed; absent means no limit (R102). */
  readonly uploadBoundMs?: number;
  upload(name: string, log: Output, cancel: Cancellable): MaybePromise<string>;
}

/** Measures directories before and after a run (R182): suffix of the metric → kilobytes. */
export interface DirMonitor {
  sizesKb(): MaybePromise<ReadonlyMap<string, number>>;
}

/** How long local work without a bound of its own may take once a run is being stopped, unless a runner is set up otherwise. */
export const LOCAL_BOUND_MS: number = 10_000;

/** Makes the empty directory in which a command without snapshot runs (R92); its release removes it. */
export interface TempDirs {
  /** Within this many milliseconds a creation or removal has ended. */
  readonly boundMs: number;
  create(name: string): MaybePromise<Checkout>;
}
