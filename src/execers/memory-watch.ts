/**
 * Watches the simulated memory of one process as the OS execer watches a real one: right after the start, then once per
 * period (R130). Invariant: a timer is set only while the usage is at or over the cap, for the next moment at which a
 * periodic check would notice it; so processes below their cap cost no events.
 */
import * as is from '../kernel/shape.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { microsecondsOf } from '../kernel/microseconds.ts';
import { METRICS } from '../model/argument-shapes.ts';
import type { Topic } from '../kernel/question.ts';
import type { MemoryReport } from '../model/execer.ts';
import { METRIC_NAMES, type Counter, type Gauge, type Metrics } from '../model/metrics.ts';
import { memoryReport } from './process-status.ts';

/** The memory cap, how often memory is measured, and where it is reported. */
export interface MemoryCapOptions {
  /** A process is killed when its resident memory reaches this; absent or 0: memory is not watched (R130). */
  readonly memoryCapBytes?: number | undefined;
  /** The time between two checks of the memory. Default 500 ms (R130). */
  readonly memoryPeriodMs?: number | undefined;
  /**
   * Receives the gauge `memory` and the counter `highInitialMemoryUtilization` while memory is watched (R131, R132).
   */
  readonly metrics?: Metrics | undefined;
}

/** The shapes of these options. */
export const MEMORY_CAP_FIELDS: is.ShapesOf<MemoryCapOptions> = {
  memoryCapBytes: is.COUNT,
  memoryPeriodMs: is.satisfying('a finite number of at least 0.001', (value) => {
    const us = typeof value === 'number' ? microsecondsOf(value) : 0;
    return Number.isSafeInteger(us) && us >= 1;
  }),
  metrics: METRICS,
};

/** A memory cap with its defaults, shared by the processes of an execer. */
export class MemoryCap {
  readonly clock: Clock;
  readonly bytes: number;
  readonly periodUs: number;
  readonly gauge: Gauge | undefined;
  readonly highInitial: Counter | undefined;

  constructor(clock: Clock, { memoryCapBytes = 0, memoryPeriodMs = 500, metrics }: MemoryCapOptions) {
    this.periodUs = microsecondsOf(memoryPeriodMs);
    this.clock = clock;
    this.bytes = memoryCapBytes;
    if (!this.watched) return;
    this.gauge = metrics?.gauge(METRIC_NAMES.MEMORY);
    this.highInitial = metrics?.counter(METRIC_NAMES.HIGH_INITIAL_MEMORY);
  }

  /** Whether memory is watched at all. */
  get watched(): boolean {
    return this.bytes > 0;
  }
}

/** The memory watch of one process. */
export class MemoryWatch {
  readonly #cap: MemoryCap;
  readonly #topic: Topic;
  readonly #startedAtMs: number;
  readonly #onPassed: (report: MemoryReport) => void;
  #usageBytes = 0;
  #timer: Timer | undefined;
  #isShown = false;

  /**
   * Must be made at the start of the process. `onPassed` has to kill the process, and then to hand over the report
   * (R133).
   */
  constructor(cap: MemoryCap, topic: Topic, onPassed: (report: MemoryReport) => void) {
    this.#cap = cap;
    this.#topic = topic;
    this.#startedAtMs = cap.clock.now();
    this.#onPassed = onPassed;
  }

  /** Records that the process now holds that much. */
  use(bytes: number): void {
    this.#usageBytes = bytes;
    this.#isShown = true;
    this.#cap.gauge?.set(bytes);
    if (bytes < this.#cap.bytes) this.stop();
    else this.#timer ??= this.#cap.clock.timer(this.#topic, this.#untilNextLookMs(), () => this.#look());
  }

  /** Stops checking: the process is below its cap, or is being stopped. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Records that the process is gone, and its memory with it. */
  end(): void {
    this.stop();
    if (this.#isShown) this.#cap.gauge?.set(0);
    this.#isShown = false;
  }

  #elapsedUs(): number {
    return Math.round((this.#cap.clock.now() - this.#startedAtMs) * 1000);
  }

  #untilNextLookMs(): number {
    const { periodUs } = this.#cap;
    const sinceLookUs = this.#elapsedUs() % periodUs;
    return sinceLookUs === 0 ? 0 : (periodUs - sinceLookUs) / 1000;
  }

  #look(): void {
    this.#timer = undefined;
    const kind = this.#elapsedUs() === 0 ? 'initial' : 'exceeded';
    if (kind === 'initial') this.#cap.highInitial?.increment();
    this.#onPassed(memoryReport(kind, this.#usageBytes, this.#cap.bytes));
  }
}
