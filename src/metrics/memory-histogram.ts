/** A histogram in memory. Invariant: count, sum, min and max cover every value; the samples are the newest ones, bounded. */
import type { Histogram } from '../model/metrics.ts';
import { checkValue } from './metric-value.ts';

/** What is known of all values of a histogram; min and max are 0 while there are none. */
export interface HistogramSummary {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

/** Told of every recorded value. */
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

  /** The newest values, oldest of them first. */
  get samples(): number[] {
    // Until the ring is full it is as long as the count, and the oldest sample stands first.
    const oldest = this.#count % this.#samples.length;
    return [...this.#samples.slice(oldest), ...this.#samples.slice(0, oldest)];
  }
}
