/**
 * The metrics that a workload gives to a runner. Invariant: they keep everything that is recorded, and refuse nothing.
 */
import type { Counter, Gauge, Histogram, Metrics } from '../../model/metrics.ts';

/** Metrics that keep everything that was recorded, each with its time. */
export class RecordedMetrics implements Metrics {
  readonly #now: () => number;
  readonly #values = new Map<string, { readonly atMs: number; readonly value: number }[]>();

  constructor(now: () => number) {
    this.#now = now;
  }

  counter(name: string): Counter {
    return { increment: (by = 1) => this.#keep(name, by) };
  }

  gauge(name: string): Gauge {
    return { set: (value) => this.#keep(name, value) };
  }

  histogram(name: string): Histogram {
    return { record: (value) => this.#keep(name, value) };
  }

  /** The values of an instrument, in order. */
  values(name: string): readonly { readonly atMs: number; readonly value: number }[] {
    return this.#values.get(name) ?? [];
  }

  #keep(name: string, value: number): void {
    const values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, [{ atMs: this.#now(), value }]);
    else values.push({ atMs: this.#now(), value });
  }
}
