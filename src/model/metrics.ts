/** The small contract behind which metrics are kept. Names are the interface (R176–R183). */

/** Only grows. */
export interface Counter {
  /** Adds `by` (default 1, ≥ 0). */
  increment(by?: number): void;
}

/** Holds the latest value. */
export interface Gauge {
  set(value: number): void;
}

/** Collects values. */
export interface Histogram {
  record(value: number): void;
}

/** Makes or finds instruments by name; the same name gives the same instrument. Fetch once, use often. */
export interface Metrics {
  counter(name: string): Counter;
  gauge(name: string): Gauge;
  histogram(name: string): Histogram;
}
