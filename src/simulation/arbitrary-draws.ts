/**
 * Draws values of fast-check arbitraries from the decision log, so that they are replayed and shrunk with everything
 * else. Invariant: each draw asks its own questions, so that shrinking one value does not shift another.
 */
import * as is from '../kernel/shape.ts';
import { mixBits } from '../kernel/text-hash.ts';
import type { Choices } from '../kernel/decisions.ts';
import { question } from '../kernel/question.ts';
import { check } from '../kernel/argument-check.ts';

/** The methods of the random number generator that fast-check passes to its arbitraries. */
export interface RandomSource {
  /** A random integer of the given number of bits. */
  next(bits: number): number;
  nextBoolean(): boolean;
  /** A random integer from `min` to `max`, both inclusive; without them, a signed 32-bit integer. */
  nextInt(min?: number, max?: number): number;
  nextBigInt(min: bigint, max: bigint): bigint;
  /** In [0, 1). */
  nextDouble(): number;
  clone(): RandomSource;
  getState(): readonly number[] | undefined;
}

/** Asks the log for an integer in [0, n). `what` names its purpose. */
export type AskLog = (what: string, n: number) => number;

const DIGIT_BITS = 32n;
const DIGIT = 1n << DIGIT_BITS;
const LARGEST_N = BigInt(Number.MAX_SAFE_INTEGER);
const INT_MIN = -0x8000_0000;
const INT_MAX = 0x7fff_ffff;
/** Maximum number of answers that one draw takes from the log. */
export const ASKED_MAX = 1_024;
const HIGH_LANE = 0x5bd1e995;
const WORD_BITS = 32;
/** Two 32-bit words have this many bits more than a number can hold (53). */
const DROPPED_BITS = 11;
const HIGH_BITS = 26;
const LOW_BITS = 27;

/**
 * Randomness for value generators of other packages, drawn from the decision log. Invariants: answer 0 is the smallest
 * value of its range, the one nearest to zero, and a larger answer is never nearer to zero than a smaller one of the
 * same range; a clone draws what its original drew, and will draw, from where the clone was made.
 *
 * The answers of one draw are shared by a generator and its clones; each is asked for when the first of them gets
 * there. An arbitrary that rejects values retries forever if the answers never change, as in a log of zeros; so after
 * the first {@link ASKED_MAX} answers the others are computed from these.
 */
export class DrawTape {
  readonly #ask: AskLog;
  readonly #answers: number[] = [];
  #mixed = 0;

  constructor(ask: AskLog) {
    this.#ask = ask;
  }

  /** A later reader of the same position with another range gets the known answer modulo its own `n`. */
  answerAt(position: number, what: string, n: number): number {
    const known = this.#answers[position];
    if (known !== undefined) return known % n;
    const answer = position < ASKED_MAX ? this.#ask(what, n) : this.#compute(n);
    this.#mixed = mixBits(this.#mixed + answer + position);
    this.#answers.push(answer);
    return answer;
  }

  #compute(n: number): number {
    const high = mixBits(this.#mixed ^ HIGH_LANE) >>> 0;
    const low = mixBits(this.#mixed) >>> DROPPED_BITS;
    return (high * 2 ** (WORD_BITS - DROPPED_BITS) + low) % n;
  }
}

/**
 * See {@link RandomSource}. In ranges of more than 2^53 values the last ones are slightly more likely than the others.
 */
export class DrawnRandom implements RandomSource {
  readonly #tape: DrawTape;
  #position: number;

  constructor(tape: DrawTape, position = 0) {
    this.#tape = tape;
    this.#position = position;
  }

  next(bits: number): number {
    return this.#below('bits', 2 ** bits);
  }

  nextBoolean(): boolean {
    return this.#below('boolean', 2) === 1;
  }

  nextInt(min: number = INT_MIN, max: number = INT_MAX): number {
    const n = max - min + 1;
    if (n <= Number.MAX_SAFE_INTEGER) return fromSmallest(this.#below('integer', n), min, max);
    return Number(this.nextBigInt(BigInt(min), BigInt(max)));
  }

  nextBigInt(min: bigint, max: bigint): bigint {
    return bigFromSmallest(this.#bigBelow(max - min + 1n), min, max);
  }

  nextDouble(): number {
    const high = this.#below('double', 2 ** HIGH_BITS);
    const low = this.#below('double', 2 ** LOW_BITS);
    return (high * 2 ** LOW_BITS + low) / 2 ** (HIGH_BITS + LOW_BITS);
  }

  clone(): DrawnRandom {
    return new DrawnRandom(this.#tape, this.#position);
  }

  /** Undefined: the generator has no state of its own, only the log. */
  getState(): undefined {
    return undefined;
  }

  #below(what: string, n: number): number {
    if (n === 1) return 0;
    const answer = this.#tape.answerAt(this.#position, what, n);
    this.#position += 1;
    return answer;
  }

  /** Draws digit by digit, the most significant first, so that answers of 0 give 0. */
  #bigBelow(n: bigint): bigint {
    if (n <= LARGEST_N) return BigInt(this.#below('bigint', Number(n)));
    const top = (n - 1n) / DIGIT;
    const high = this.#bigBelow(top + 1n);
    return high * DIGIT + this.#bigBelow(high === top ? n - top * DIGIT : DIGIT);
  }
}

/** The `k`-th integer of [min, max], counted from zero outwards: 0, 1, −1, 2, −2, … as far as the range goes. */
function fromSmallest(k: number, min: number, max: number): number {
  if (min >= 0) return min + k;
  if (max <= 0) return max - k;
  const both = 2 * Math.min(-min, max);
  if (k > both) return (k - both / 2) * (max > -min ? 1 : -1);
  return k % 2 === 1 ? (k + 1) / 2 : -(k / 2) + 0;
}

function bigFromSmallest(k: bigint, min: bigint, max: bigint): bigint {
  if (min >= 0n) return min + k;
  if (max <= 0n) return max - k;
  const both = 2n * (-min < max ? -min : max);
  if (k > both) return (k - both / 2n) * (max > -min ? 1n : -1n);
  return k % 2n === 1n ? (k + 1n) / 2n : -(k / 2n);
}

/** The methods of an arbitrary that a draw uses; fast-check arbitraries have them. */
export interface DrawableArbitrary<T> {
  generate(random: RandomSource, biasFactor: number | undefined): { readonly value: T };
}

const ARBITRARY = is.withMethods('generate');

/** The draws of one simulation. */
export class ArbitraryDraws {
  readonly #choices: Choices;
  /** The next number by label or name in use; created for the first draw. */
  #counts: Map<string, number> | undefined;

  constructor(choices: Choices) {
    this.#choices = choices;
  }

  draw<T>(arbitrary: DrawableArbitrary<T>, label: string): T {
    check('arbitrary', arbitrary, ARBITRARY);
    check('label', label, is.TEXT);
    const name = this.#newName(label);
    let asked = 0;
    const tape = new DrawTape((what, n) => {
      // A forced answer is not a decision.
      if (n > 1) asked += 1;
      return this.#choices.choose(question('draw', { owner: name, what }), n);
    });
    const { value } = arbitrary.generate(new DrawnRandom(tape), undefined);
    this.#choices.drawn?.(name, value, asked);
    return value;
  }

  /** The label, with the next number that gives a new name if it was used before. */
  #newName(label: string): string {
    const counts = (this.#counts ??= new Map<string, number>());
    let count = counts.get(label) ?? 0;
    let name = count === 0 ? label : `${label}/${count}`;
    while (count > 0 && counts.has(name)) {
      count += 1;
      name = `${label}/${count}`;
    }
    counts.set(label, count + 1);
    if (count > 0) counts.set(name, 1);
    return name;
  }
}
