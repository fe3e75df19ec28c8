/** How many order decisions the next execution will ask for, learned from those before. Invariant: at least 1. */

const FIRST = 16;
const SLOWNESS = 8;

/** Rises at once, because a bound that is too low leaves places out, and falls slowly. */
export class LengthEstimate {
  #value = 0;

  /** An integer ≥ 1. */
  get value(): number {
    return this.#value === 0 ? FIRST : Math.ceil(this.#value);
  }

  learn(length: number): void {
    if (length > this.#value) this.#value = length;
    else this.#value = Math.max(1, this.#value - (this.#value - length) / SLOWNESS);
  }
}
