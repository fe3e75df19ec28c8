/**
 * The keyed random policy. Invariant: an answer depends on seed, question and occurrence alone, never on other
 * questions, so that removing one event leaves the answers of all others unchanged.
 */
import type { DecisionSource } from './decisions.ts';
import type { Question } from './question.ts';
import { seedText } from './seeded-random.ts';
import { hashText, mixBits } from './text-hash.ts';

const WORD = 0x1_0000_0000;
const LANE_BASIS = 0x5bd1e995;
const LANE_STEP = 0x9e3779b9;

/**
 * Random answers; create one with {@link randomDecisions}. `draw` gives random numbers to a strategy itself, keyed by a
 * hash of their purpose.
 */
export class RandomSource implements DecisionSource {
  private readonly seedHigh: number;
  private readonly seedLow: number;

  constructor(seed: string) {
    this.seedHigh = hashText(seed);
    this.seedLow = hashText(seed, LANE_BASIS);
  }

  decide({ hash }: Question, n: number, occurrence: number): number {
    return this.draw(hash, n, occurrence);
  }

  draw(hash: number, n: number, occurrence: number): number {
    const key = mixBits(this.seedHigh ^ hash) ^ mixBits(this.seedLow + Math.imul(occurrence, LANE_STEP));
    return n <= WORD ? fairWord(key, n) : fairPair(key, n);
  }
}

/**
 * A uniform integer in [0, n), n ≤ 2^32: words below 2^32 mod n are rejected, so that each remainder is equally likely.
 * Words from n upwards need no such check, which saves the common case a division.
 */
function fairWord(key: number, n: number): number {
  let word = mixBits(key) >>> 0;
  if (word < n) {
    const unfair = WORD % n;
    for (let attempt = 1; word < unfair; attempt++) word = mixBits(key + Math.imul(attempt, LANE_STEP)) >>> 0;
  }
  return word % n;
}

/** As {@link fairWord} from 53 bits, n ≤ 2^53. */
function fairPair(key: number, n: number): number {
  const all = 2 ** 53;
  const unfair = all % n;
  for (let attempt = 0; ; attempt++) {
    const high = mixBits(key + Math.imul(2 * attempt, LANE_STEP)) >>> 11;
    const low = mixBits(key + Math.imul(2 * attempt + 1, LANE_STEP)) >>> 0;
    const drawn = high * WORD + low;
    if (drawn >= unfair) return drawn % n;
  }
}

/**
 * A source that draws every answer from `seed`, a text or a number; 42 and '42' are the same seed.
 *
 * @example
 * ```ts
 * import { createDecisions, randomDecisions } from 'dryrunner/kernel';
 * const one = createDecisions(randomDecisions(42));
 * const other = createDecisions(randomDecisions(42));
 * one.choose('asked here only', 1000);
 * if (one.choose('delay', 1000) !== other.choose('delay', 1000)) throw new Error('questions do not disturb each other');
 * ```
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the seed is neither a string nor a finite number.
 */
export function randomDecisions(seed: string | number): RandomSource {
  return new RandomSource(seedText(seed));
}
