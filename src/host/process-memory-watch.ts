/**
 * Watches the memory of one process tree: once at the start, then every period, until it is over the cap or has ended. Invariant:
 * one measurement at a time, and none counts that comes in after `stop`.
 */
import type { Clock, Timer } from '../kernel/clock.ts';
import { memoryReport } from '../execers/process-status.ts';
import type { MemoryReport } from '../model/execer.ts';
import { isPending, type MaybePromise } from '../model/maybe-promise.ts';
import { METRIC_NAMES } from '../model/metric-names.ts';
import type { Metrics } from '../model/metrics.ts';

/** How a watch is made. */
export interface MemoryWatchOptions {
  readonly clock: Clock;
  readonly capBytes: number;
  readonly periodMs: number;
  readonly metrics: Metrics | undefined;
  /** Bytes in use now. What it throws or rejects with, and what is no size, is a measuring error (R131). */
  readonly measure: () => MaybePromise<number>;
  /** Kills the tree and answers true; false if it had ended before, which leaves it alone (R133). */
  readonly stop: (report: MemoryReport) => boolean;
}

/** A watch that is running. */
export interface MemoryWatch {
  /** Ends it at once; no timer is left. */
  end(): void;
}

/** Makes the first check before it returns, if measuring is synchronous. */
export function watchMemory(options: MemoryWatchOptions): MemoryWatch {
  const watch = new PeriodicWatch(options);
  watch.check('initial');
  return watch;
}

class PeriodicWatch implements MemoryWatch {
  readonly #options: MemoryWatchOptions;
  #timer: Timer | undefined;
  #over = false;

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
  }

  end(): void {
    this.#over = true;
    this.#timer?.cancel();
  }

  check(kind: MemoryReport['kind']): void {
    let bytes: MaybePromise<number>;
    try {
      bytes = this.#options.measure();
    } catch {
      // The measuring error is not swallowed: the gauge says -1 (R131).
      this.#judge(kind, NaN);
      return;
    }
    if (!isPending(bytes)) this.#judge(kind, bytes);
    else {
      void Promise.resolve(bytes).then(
        (answer) => this.#judge(kind, answer),
        () => this.#judge(kind, NaN),
      );
    }
  }

  #judge(kind: MemoryReport['kind'], bytes: number): void {
    if (this.#over) return;
    const { capBytes, clock, metrics, periodMs } = this.#options;
    const measured = Number.isFinite(bytes) && bytes >= 0;
    metrics?.gauge(METRIC_NAMES.MEMORY).set(measured ? bytes : -1);
    if (!measured || bytes < capBytes) {
      this.#timer = clock.timer('memory check', periodMs, () => this.check('exceeded'));
      return;
    }
    this.end();
    const killed = this.#options.stop(memoryReport(kind, bytes, capBytes));
    if (killed && kind === 'initial') metrics?.counter(METRIC_NAMES.HIGH_INITIAL_MEMORY).increment();
  }
}
