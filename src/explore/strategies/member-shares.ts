/**
 * How often each member of a portfolio has its turn: at first by its prior, then by what its turns have brought. Invariants: shares depend on
 * the priors and on what was learned, in that order, alone; none is below the floor; and what is learned moves a share by a bounded
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

/** Weights of the members of a portfolio, learned in a campaign. */
export class MemberShares {
  readonly #sums: number[];
  readonly #counts: number[];

  constructor(members: number) {
    this.#sums = Array.from({ length: members }, () => 0);
    this.#counts = Array.from({ length: members }, () => 0);
  }

  /** The shares by the members' priors, of which that is 0 who may not have a turn. They add up to 1. */
  shares(priors: readonly number[]): number[] {
    const factors = this.#factors();
    const weights = priors.map((prior, member) => prior * (factors[member] as number));
    const all = sumOf(weights);
    const running = weights.filter((weight) => weight > 0).length;
    return weights.map((weight) =>
      weight === 0 ? 0 : SHARE_FLOOR + (1 - SHARE_FLOOR * running) * (weight / all),
    );
  }

  /** Takes note of what a turn of a member was worth, from 0 to 1. */
  learn(member: number, worth: number): void {
    for (let each = 0; each < this.#sums.length; each += 1) {
      this.#sums[each] = (this.#sums[each] as number) * FADING;
      this.#counts[each] = (this.#counts[each] as number) * FADING;
    }
    this.#sums[member] = (this.#sums[member] as number) + worth;
    this.#counts[member] = (this.#counts[member] as number) + 1;
  }

  /** By what each prior is multiplied. */
  #factors(): number[] {
    const counts = sumOf(this.#counts);
    if (counts === 0) return this.#sums.map(() => 1);
    const average = sumOf(this.#sums) / counts;
    return this.#sums.map((sum, member) => {
      const worth = (sum + IMPUTED * average) / ((this.#counts[member] as number) + IMPUTED);
      const ratio = (worth + WORTH_LEAST) / (average + WORTH_LEAST);
      // Squared: what brings half as much has a quarter of the turns, as far as the bound lets it.
      const factor = ratio * ratio;
      return Math.min(FACTOR_MAX, Math.max(1 / FACTOR_MAX, factor));
    });
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}
