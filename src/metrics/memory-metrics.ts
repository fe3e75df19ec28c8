/**
 * Metrics kept in memory that can be read back, for tests and simulations. With a tracer, every change is a `metric`
 * event: a counter's new total, a gauge's new value (only if it differs), a histogram's recorded value.
 */
import { TRACER } from '../model/argument-shapes.ts';
import * as is from '../kernel/shape.ts';
import type { Histogram, Counter, Gauge, Metrics } from '../model/metrics.ts';
import { checkValue, type MetricKind, checkIncrement, checkKind } from './metric-table.ts';
import { check } from '../kernel/argument-check.ts';
import type { Clock } from '../kernel/clock.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { Tracer } from '../model/trace-event.ts';

/** A summary of all values of a histogram; min and max are 0 while there are none. */
export interface HistogramSummary {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

/** Called with every recorded value. */
export type OnRecord = (value: number) => void;

/** Keeps a summary and the newest samples. */
export class MemoryHistogram implements Histogram {
  readonly kind = 'histogram';
  readonly #name: string;
  readonly #samplesMax: number;
  readonly #onRecord: OnRecord | undefined;
  readonly #samples: number[] = [];
  #count = 0;
  #sum = 0;
  #min = 0;
  #max = 0;

  constructor(name: string, samplesMax: number, onRecord: OnRecord | undefined) {
    this.#name = name;
    this.#samplesMax = samplesMax;
    this.#onRecord = onRecord;
  }

  record(value: number): void {
    checkValue(this.#name, value);
    this.#min = this.#count === 0 ? value : Math.min(this.#min, value);
    this.#max = this.#count === 0 ? value : Math.max(this.#max, value);
    if (this.#samplesMax > 0) this.#samples[this.#count % this.#samplesMax] = value;
    this.#count += 1;
    this.#sum += value;
    this.#onRecord?.(value);
  }

  get summary(): HistogramSummary {
    return { count: this.#count, sum: this.#sum, min: this.#min, max: this.#max };
  }

  /** The newest values, oldest first. */
  get samples(): number[] {
    // Until the ring is full, the oldest sample is at index 0.
    const oldest = this.#count % this.#samples.length;
    return [...this.#samples.slice(oldest), ...this.#samples.slice(0, oldest)];
  }
}

/** Options of {@link createMemoryMetrics}; a `World` with a name fits. */
export interface MemoryMetricsOptions {
  /** Receives a `metric` event for each change; needs `clock`. */
  readonly tracer?: Tracer;
  /** Provides the times of the events. */
  readonly clock?: Pick<Clock, 'now'>;
  /** The runner named in the events; empty by default. */
  readonly name?: string;
  /** How many of the newest samples a histogram keeps; 1,000 by default, 0 for none. */
  readonly samplesMax?: number;
}

const MEMORY_METRICS_OPTIONS = is.optionsOf<MemoryMetricsOptions>(
  {},
  { tracer: TRACER, clock: is.withMethods('now'), name: is.TEXT, samplesMax: is.COUNT },
);

/** All values at one moment, as plain data sorted by name. */
export interface MetricsSnapshot {
  readonly counters: Readonly<Record<string, number>>;
  readonly gauges: Readonly<Record<string, number>>;
  readonly histograms: Readonly<Record<string, HistogramSummary>>;
}

/** Metrics that can be read back. */
export interface MemoryMetrics extends Metrics {
  /** A counter's total, a gauge's latest value, a histogram's count; 0 for an unknown name. */
  value(name: string): number;
  /** The newest samples of a histogram, oldest first; empty for any other name. */
  values(name: string): readonly number[];
  /** A copy of all values. */
  snapshot(): MetricsSnapshot;
}

/**
 * Creates metrics that tests can read.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a tracer without clock, or a `samplesMax` that is not an integer ≥
 * 0. The instruments throw it for an increment that is negative or not finite, a value that is not finite, and a name
 * used as two kinds or as another kind than in the contract (R176–R183).
 * @example
 * ```ts
 * import { createMemoryMetrics } from 'dryrunner';
 * const metrics = createMemoryMetrics();
 * metrics.histogram('runLatency_ms').record(12);
 * if (metrics.values('runLatency_ms')[0] !== 12) throw new Error('samples are kept');
 * ```
 */
export function createMemoryMetrics(options: MemoryMetricsOptions = {}): MemoryMetrics {
  check('options', options, MEMORY_METRICS_OPTIONS);
  return new MemoryMetricsRegistry(options);
}

type Instrument = MemoryCounter | MemoryGauge | MemoryHistogram;

class MemoryMetricsRegistry implements MemoryMetrics {
  readonly #instruments = new Map<string, Instrument>();
  readonly #samplesMax: number;
  readonly #trace: ((name: string, value: number) => void) | undefined;

  constructor({ tracer, clock, name: runner = '', samplesMax = 1000 }: MemoryMetricsOptions) {
    this.#samplesMax = samplesMax;
    if (tracer === undefined) return;
    if (clock === undefined) throw invalidArgument('clock', 'a clock, because there is a tracer', clock);
    const trace = (name: string, value: number): void =>
      tracer.record({ at: clock.now(), type: 'metric', runner, name, value });
    this.#trace = trace;
  }

  counter(name: string): Counter {
    return this.#find(name, 'counter', (onChange) => memoryCounter(name, onChange));
  }

  gauge(name: string): Gauge {
    return this.#find(name, 'gauge', (onChange) => memoryGauge(name, onChange));
  }

  histogram(name: string): Histogram {
    return this.#find(name, 'histogram', (onChange) => new MemoryHistogram(name, this.#samplesMax, onChange));
  }

  value(name: string): number {
    const instrument = this.#instruments.get(name);
    if (instrument === undefined) return 0;
    return instrument.kind === 'histogram' ? instrument.summary.count : instrument.value;
  }

  values(name: string): readonly number[] {
    const instrument = this.#instruments.get(name);
    return instrument?.kind === 'histogram' ? instrument.samples : [];
  }

  snapshot(): MetricsSnapshot {
    const named = [...this.#instruments].sort(([left], [right]) => (left < right ? -1 : 1));
    const pick = <T>(valueOf: (instrument: Instrument) => T | undefined): Record<string, T> =>
      Object.fromEntries(
        named.flatMap(([name, instrument]) => {
          const value = valueOf(instrument);
          return value === undefined ? [] : [[name, value]];
        }),
      );
    return {
      counters: pick((instrument) => (instrument.kind === 'counter' ? instrument.value : undefined)),
      gauges: pick((instrument) => (instrument.kind === 'gauge' ? instrument.value : undefined)),
      histograms: pick((instrument) => (instrument.kind === 'histogram' ? instrument.summary : undefined)),
    };
  }

  #find<T extends Instrument>(name: string, kind: MetricKind, make: (onChange?: OnChange) => T): T {
    const existing = this.#instruments.get(name);
    checkKind(name, kind, existing?.kind);
    if (existing !== undefined) return existing as T;
    const trace = this.#trace;
    const made = make(trace === undefined ? undefined : (value) => trace(name, value));
    this.#instruments.set(name, made);
    return made;
  }
}

type OnChange = (value: number) => void;

interface MemoryCounter extends Counter {
  readonly kind: 'counter';
  value: number;
}

function memoryCounter(name: string, onChange: OnChange | undefined): MemoryCounter {
  const counter: MemoryCounter = {
    kind: 'counter',
    value: 0,
    increment(by = 1) {
      checkIncrement(name, by);
      counter.value += by;
      onChange?.(counter.value);
    },
  };
  return counter;
}

interface MemoryGauge extends Gauge {
  readonly kind: 'gauge';
  value: number;
}

function memoryGauge(name: string, onChange: OnChange | undefined): MemoryGauge {
  const gauge: MemoryGauge = {
    kind: 'gauge',
    value: 0,
    set(value) {
      checkValue(name, value);
      if (value === gauge.value) return;
      gauge.value = value;
      onChange?.(value);
    },
  };
  return gauge;
}
