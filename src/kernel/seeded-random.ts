/**
 * Seeded streams: seedrandom's Alea turns the text of a seed into four words of state, an inlined sfc32 generates the
 * numbers. Invariant: a stream depends on its seed and fork path alone; forking and drawing never disturb each other.
 */
import * as is from './shape.ts';
import alea from 'seedrandom/lib/alea.js';
import { invalidArgument } from './errors.ts';
import type { RandomStream } from './random.ts';
import { check } from './argument-check.ts';

const WARM_UP_ROUNDS = 12;

class Sfc32 implements RandomStream {
  private readonly path: string;
  /** Seeded lazily by the first draw: most streams are only forked, or never used. */
  private isSeeded = false;
  private a = 0;
  private b = 0;
  private c = 0;
  private counter = 1;

  constructor(path: string) {
    this.path = path;
  }

  uint32(): number {
    if (!this.isSeeded) this.seed();
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  float(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  int(n: number): number {
    if (!(Number.isInteger(n) && n >= 1 && n <= 0x1_0000_0000)) {
      throw invalidArgument('n', 'an integer in [1, 2^32]', n);
    }
    let drawn = this.uint32();
    if (drawn < n) {
      // The first 2^32 mod n values are rejected, so that each remainder is equally likely.
      const unfair = 0x1_0000_0000 % n;
      while (drawn < unfair) drawn = this.uint32();
    }
    return drawn % n;
  }

  private seed(): void {
    const state = alea(this.path);
    this.isSeeded = true;
    this.a = state.int32();
    this.b = state.int32();
    this.c = state.int32();
    for (let round = 0; round < WARM_UP_ROUNDS; round++) this.uint32();
  }

  fork(name: string): RandomStream {
    check('name', name, is.TEXT);
    return new Sfc32(`${this.path}/${name.length}:${name}`);
  }
}

/** Most seeds that one command or test may run. */
export const SEEDS_MAX = 10_000_000;

/** Argument shape of a seed. */
export const SEED: is.PredicateShape = is.anyOf('a string or a finite number', is.TEXT, is.NUMBER);

/** The text that a seed stands for: 42 and '42' are the same seed. */
export function seedText(seed: string | number): string {
  check('seed', seed, SEED);
  return String(seed);
}

/**
 * Creates the stream of a seed.
 *
 * @example
 * ```ts
 * import { createRandomStream } from 'dryrunner/kernel';
 * const stream = createRandomStream(42);
 * const latencyMs = stream.fork('latency').int(100);
 * if (latencyMs !== createRandomStream('42').fork('latency').int(100)) throw new Error('reproducible');
 * ```
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a string nor a finite number.
 */
export function createRandomStream(seed: string | number): RandomStream {
  const text = seedText(seed);
  return new Sfc32(`${text.length}:${text}`);
}
