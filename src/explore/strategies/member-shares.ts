/**
 * How often each member of a portfolio has its turn: at first by its prior, then by what its turns have brought. Invariants: shares depend on
 * the priors and on what was learned, in that order, alone; none is below the floor; and what is learned multiplies a prior by a bounded
 * factor, since what is new is a sign of bugs and no proof.
 */

/** The least share of a member, whatever it has brought. */
const SHARE_FLOOR = 1 / 32;
/** By this factor an earlier turn counts less after each turn of any member: half after 350 of them. */
const FADING = 0.998;
/** So many turns of average worth are imputed to each member, so that a few do not decide. */
const IMPUTED = 8;
/** Added to what turns are worth, so that where hardly any brings something one more is not everything. */
const WORTH_LEAST = 0.02;
/** By what a prior may grow or shrink against the others. */
const FACTOR_MAX = 4;

/**
 * Weights of the members of a portfolio, learned in a campaign. Its numbers lie in arrays of one kind and are gone through by plain loops, because
 * all of this is done for each execution, and a small one costs little more.
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

  /** The shares by the members' priors, of which that is 0 who may not have a turn. They add up to 1, and are overwritten by the next call. */
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

  /** Takes note of what a turn of a member was worth, from 0 to 1. */
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

  /** By what each prior is multiplied. */
  #setFactors(factors: Float64Array): void {
    const sums = this.#sums;
    const count = sumOf(this.#counts);
    const average = count === 0 ? 0 : sumOf(sums) / count;
    for (let member = 0; member < factors.length; member += 1) {
      const turns = this.#counts[member] as number;
      const worth = ((sums[member] as number) + IMPUTED * average) / (turns + IMPUTED);
      const ratio = (worth + WORTH_LEAST) / (average + WORTH_LEAST);
      // Squared: what brings half as much has a quarter of the turns, as far as the bound lets it.
      factors[member] = Math.min(FACTOR_MAX, Math.max(1 / FACTOR_MAX, ratio * ratio));
    }
  }
}

function sumOf(numbers: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < numbers.length; at += 1) sum += numbers[at] as number;
  return sum;
}
