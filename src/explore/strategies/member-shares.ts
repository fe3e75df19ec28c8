/**
 * How often each member of a portfolio has its turn: first by its prior, then by the results of its turns. Invariants:
 * shares depend only on the priors and on the sequence of results; no share is below the floor; and results change a
 * prior by a bounded factor, because novelty is a sign of bugs and not a proof.
 */

/** The least share of a member, whatever its results. */
const SHARE_FLOOR = 1 / 32;
/** After each turn of any member, earlier turns count less by this factor: half after 350 turns. */
const FADING = 0.998;
/** Each member starts with this many imputed turns of average worth, so that a few turns do not decide. */
const IMPUTED = 8;
/** Added to the worth of turns, so that one success is not decisive where there are hardly any. */
const WORTH_LEAST = 0.02;
/** Factor by which a prior may grow or shrink relative to the others. */
const FACTOR_MAX = 4;

/**
 * Weights of the members of a portfolio, learned during a campaign. Its numbers lie in arrays of one element kind and
 * are processed by plain loops, because this runs for each execution, and a small execution costs little more.
 */
export class MemberShares {
  readonly #sums: Float64Array;
  readonly #counts: Float64Array;
  readonly #shares: Float64Array;

  constructor(members: number) {
    this.#sums = new Float64Array(members);
    this.#counts = new Float64Array(members);
    this.#shares = new Float64Array(members);
  }

  /**
   * Shares according to the members' priors; a prior of 0 means that the member may not have a turn. They add up to 1.
   * The array is overwritten by the next call.
   */
  shares(priors: ArrayLike<number>): Float64Array {
    const shares = this.#shares;
    this.#setFactors(shares);
    let all = 0;
    let running = 0;
    for (let member = 0; member < shares.length; member += 1) {
      const weight = (priors[member] as number) * (shares[member] as number);
      shares[member] = weight;
      all += weight;
      if (weight > 0) running += 1;
    }
    for (let member = 0; member < shares.length; member += 1) {
      const weight = shares[member] as number;
      if (weight !== 0) shares[member] = SHARE_FLOOR + (1 - SHARE_FLOOR * running) * (weight / all);
    }
    return shares;
  }

  /** Records the worth of a member's turn, from 0 to 1. */
  learn(member: number, worth: number): void {
    const sums = this.#sums;
    const counts = this.#counts;
    for (let each = 0; each < sums.length; each += 1) {
      sums[each] = (sums[each] as number) * FADING;
      counts[each] = (counts[each] as number) * FADING;
    }
    sums[member] = (sums[member] as number) + worth;
    counts[member] = (counts[member] as number) + 1;
  }

  /** Computes the factors of the priors. */
  #setFactors(factors: Float64Array): void {
    const sums = this.#sums;
    const count = sumOf(this.#counts);
    const average = count === 0 ? 0 : sumOf(sums) / count;
    for (let member = 0; member < factors.length; member += 1) {
      const turns = this.#counts[member] as number;
      const worth = ((sums[member] as number) + IMPUTED * average) / (turns + IMPUTED);
      const ratio = (worth + WORTH_LEAST) / (average + WORTH_LEAST);
      // Squared: a member with half the results gets a quarter of the turns, within the bound.
      factors[member] = Math.min(FACTOR_MAX, Math.max(1 / FACTOR_MAX, ratio * ratio));
    }
  }
}

function sumOf(numbers: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < numbers.length; at += 1) sum += numbers[at] as number;
  return sum;
}
