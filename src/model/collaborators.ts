/** Optional helpers of an invocation. A helper that is missing is a no-op (R117). */
import type { Cancellable } from './cancellation.ts';
import type { Command } from './command.ts';
import type { Checkout } from './filer.ts';
import type { MaybePromise } from './maybe-promise.ts';
import type { Output } from './output.ts';

/**
 * Runs before the checkout or after the run, in list order; a failure is recorded and does not affect the run (R90).
 */
export interface Processor {
  /** Shown where a failure is recorded. */
  readonly name: string;
  /**
   * A call ends within this many milliseconds of its cancellation; while a run is being stopped, every call does (R102,
   * R199).
   */
  readonly cancelBoundMs: number;
  process(command: Command, cancel: Cancellable): MaybePromise<void>;
}

/** Copies a finished log elsewhere and gives its URL (R113). */
export interface LogUploader {
  /** An upload ends within this many milliseconds of its cancellation (R108, R199). */
  readonly cancelBoundMs: number;
  /**
   * Time limit of an upload; after it the upload is cancelled and counts as failed. Absent or Infinity means no limit
   * (R102).
   */
  readonly uploadBoundMs?: number;
  upload(name: string, log: Output, cancel: Cancellable): MaybePromise<string>;
}

/** Measures directories before and after a run (R182): suffix of the metric → kilobytes. */
export interface DirMonitor {
  sizesKb(): MaybePromise<ReadonlyMap<string, number>>;
}

/**
 * Default for how long local work that sets no bound of its own may take once a run is being stopped, in milliseconds.
 */
export const LOCAL_BOUND_MS: number = 10_000;

/** Creates the empty directory in which a command without snapshot runs (R92); releasing it removes it. */
export interface TempDirs {
  /** A creation or removal ends within this many milliseconds. */
  readonly boundMs: number;
  create(name: string): MaybePromise<Checkout>;
}
