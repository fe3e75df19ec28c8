/**
 * Watches the memory of one process tree: once at the start, then every period, until it is over the cap or has ended. Invariants:
 * one measurement at a time, and none counts that comes in after `end`; the gauge goes back to 0 when nothing is watched any more.
 */
import type { Clock, Timer } from '../../kernel/clock.ts';
import { memoryReport } from '../../execers/process-status.ts';
import type { MemoryReport } from '../../model/execer.ts';
import { isPending, type MaybePromise } from '../../model/maybe-promise.ts';
import { METRIC_NAMES, type Metrics } from '../../model/metrics.ts';

/** One measurement. */
export interface MemoryUse {
  readonly bytes: number;
  /**
   * How much of it was in use before the command did anything. The first look comes when the machine gets round to it, and by then a
   * quick command may have taken a lot: that is its own doing, and not `initial`. Undefined while the command has not begun, or is just
   * becoming another program: nobody knows then, and the look does not count.
   */
  readonly initialBytes: number | undefined;
  /** Text for people that says who uses it; asked for at most once, if it is too much. */
  readonly list?: () => MaybePromise<string>;
}

/** How a watch is made. */
export interface MemoryWatchOptions {
  readonly clock: Clock;
  readonly capBytes: number;
  readonly periodMs: number;
  readonly metrics: Metrics | undefined;
  /** What is in use now. A rejection, or anything but a size, is a measuring error (R131). */
  readonly measure: () => MaybePromise<MemoryUse>;
  /** Kills the tree and answers true; false if it had ended before, which leaves it alone (R133). */
  readonly stop: (report: MemoryReport, list: MemoryUse['list']) => boolean;
}

/** A watch that is running. */
export interface MemoryWatch {
  /** Ends it at once; no timer is left. */
  end(): void;
}

/** Makes the first check before it returns, if measuring is synchronous. */
export function watchMemory(options: MemoryWatchOptions): MemoryWatch {
  const watch = new PeriodicWatch(options);
  watch.check(true);
  return watch;
}

const NO_USE: MemoryUse = Object.freeze({ bytes: NaN, initialBytes: NaN });

/** How long the first look is put off at most, in looks of a millisecond. */
const PUT_OFF_MAX = 100;

class PeriodicWatch implements MemoryWatch {
  readonly #options: MemoryWatchOptions;
  #timer: Timer | undefined;
  #over = false;
  #isShown = false;
  #putOff = 0;

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
  }

  end(): void {
    this.#over = true;
    this.#timer?.cancel();
    if (this.#isShown) this.#show(0);
    this.#isShown = false;
  }

  check(isFirst: boolean): void {
    let use: MaybePromise<MemoryUse>;
    try {
      use = this.#options.measure();
    } catch {
      // The measuring error is not swallowed: the gauge says -1 (R131).
      this.#judge(isFirst, NO_USE);
      return;
    }
    if (!isPending(use)) this.#judge(isFirst, use);
    else {
      void Promise.resolve(use).then(
        (answer) => this.#judge(isFirst, answer),
        () => this.#judge(isFirst, NO_USE),
      );
    }
  }

  #judge(isFirst: boolean, { bytes, initialBytes, list }: MemoryUse): void {
    if (this.#over) return;
    const { capBytes, clock, metrics, periodMs } = this.#options;
    if (isFirst && initialBytes === undefined && this.#putOff++ < PUT_OFF_MAX) {
      this.#timer = clock.timer('memory check', 1, () => this.check(true));
      return;
    }
    const measured = Number.isFinite(bytes) && bytes >= 0;
    this.#show(measured ? bytes : -1);
    if (!measured || bytes < capBytes) {
      this.#timer = clock.timer('memory check', periodMs, () => this.check(false));
      return;
    }
    const kind = isFirst && (initialBytes ?? 0) >= capBytes ? 'initial' : 'exceeded';
    const killed = this.#options.stop(memoryReport(kind, bytes, capBytes), list);
    if (killed && kind === 'initial') metrics?.counter(METRIC_NAMES.HIGH_INITIAL_MEMORY).increment();
    this.end();
  }

  #show(bytes: number): void {
    this.#isShown = true;
    this.#options.metrics?.gauge(METRIC_NAMES.MEMORY).set(bytes);
  }
}
