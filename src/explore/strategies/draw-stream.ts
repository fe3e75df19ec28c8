/**
 * Random numbers that a strategy draws for one execution after the other. Invariant: they depend only on seed, index of
 * the execution and position; a restart is almost free, because it happens for each of a million executions.
 */
import { seedText } from '../../kernel/seeded-random.ts';
import { hashText, mixBits } from '../../kernel/text-hash.ts';

const STEP = 0x9e3779b9;
const LOW_BASIS = 0x5bd1e995;
const WORD = 0x1_0000_0000;

/** A restartable random stream, good enough for choosing schedules. */
export class DrawStream {
  private readonly seedHigh: number;
  private readonly seedLow: number;
  private high: number;
  private low: number;
  private position = 0;

  /**
   * `purpose` separates the streams of one seed.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a text nor a finite number.
   */
  constructor(seed: string | number, purpose: string) {
    const text = `${seedText(seed)}/${purpose}`;
    this.seedHigh = hashText(text);
    this.seedLow = hashText(text, LOW_BASIS);
    this.high = this.seedHigh;
    this.low = this.seedLow;
  }

  /** Starts the numbers of execution `index`. */
  restart(index: number): void {
    this.high = mixBits(this.seedHigh ^ mixBits(index));
    this.low = mixBits((this.seedLow + Math.imul(index, STEP)) ^ Math.floor(index / WORD));
    this.position = 0;
  }

  /** A uniform integer in [0, 2^32). */
  word(): number {
    this.position += 1;
    return mixBits(this.high ^ mixBits(this.low + Math.imul(this.position, STEP))) >>> 0;
  }

  /** A uniform number in [0, 1). */
  fraction(): number {
    return this.word() / WORD;
  }

  /** An integer in [0, n), n ≤ 2^53; uniform up to a deviation of less than n / 2^32. */
  below(n: number): number {
    return Math.floor(this.fraction() * n);
  }
}
