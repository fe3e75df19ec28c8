/**
 * Watches the memory of a process tree: once at the start, then every period, until it is over the cap or has ended.
 * Invariants: measurements do not overlap, and none that arrives after `end` counts; the gauge goes back to 0 when
 * watching ends.
 */
import type { Clock, Timer } from '../../kernel/clock.ts';
import type { FaultLog } from '../../execers/fault-log.ts';
import { memoryReport } from '../../execers/process-status.ts';
import type { MemoryReport } from '../../model/execer.ts';
import { isPending, type MaybePromise } from '../../model/maybe-promise.ts';
import { METRIC_NAMES, type Metrics } from '../../model/metrics.ts';

/** One measurement of the memory. */
export interface MemoryUse {
  readonly bytes: number;
  /**
   * How much of it was in use before the command did anything. The first check happens when the machine gets round to
   * it, and a quick command may have allocated a lot by then: that is its own doing, and not `initial`. Undefined while
   * the command has not begun, or is in the middle of an exec: the value is unknown then, and the check does not count.
   */
  readonly initialBytes: number | undefined;
  /** Lists for people which processes use it; called at most once, when the cap is exceeded. */
  readonly list?: () => MaybePromise<string>;
}

/** The options of a watch. */
export interface MemoryWatchOptions {
  readonly clock: Clock;
  readonly capBytes: number;
  readonly periodMs: number;
  readonly metrics: Metrics | undefined;
  /** Where metrics that throw are recorded: they neither end the watch nor change what becomes of the command. */
  readonly faults: FaultLog;
  /** Measures the memory in use. A rejection, or anything but a size, is a measuring error (R131). */
  readonly measure: () => MaybePromise<MemoryUse>;
  /** Kills the tree and returns true; false if it had ended before, and was left alone (R133). */
  readonly stop: (report: MemoryReport, list: MemoryUse['list']) => boolean;
}

/** A running watch. */
export interface MemoryWatch {
  /** Stops watching at once and leaves no timer. */
  end(): void;
}

/** Starts a watch. Makes the first check before it returns, if measuring is synchronous. */
export function watchMemory(options: MemoryWatchOptions): MemoryWatch {
  const watch = new PeriodicWatch(options);
  watch.check(true);
  return watch;
}

const NO_USE: MemoryUse = Object.freeze({ bytes: NaN, initialBytes: NaN });

/** How often the first check is postponed at most, by 1 ms each time. */
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
      // Not swallowed: the gauge shows -1 (R131).
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
    const { capBytes, clock, periodMs } = this.#options;
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
    if (killed && kind === 'initial') {
      this.#update((metrics) => metrics.counter(METRIC_NAMES.HIGH_INITIAL_MEMORY).increment());
    }
    this.end();
  }

  #show(bytes: number): void {
    this.#isShown = true;
    this.#update((metrics) => metrics.gauge(METRIC_NAMES.MEMORY).set(bytes));
  }

  #update(change: (metrics: Metrics) => void): void {
    const { metrics, faults } = this.#options;
    if (metrics === undefined) return;
    try {
      change(metrics);
    } catch (error) {
      faults.add('metrics', error);
    }
  }
}
