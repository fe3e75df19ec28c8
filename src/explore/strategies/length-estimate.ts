/** How many order decisions the next execution will ask for at most, learned from those before. Invariant: at least 1. */

const FIRST = 16;
const WINDOW = 64;

/** The largest of the last 64 to 128 executions: a bound that is too low leaves places out, one that is too high thins them out. */
export class LengthEstimate {
  #before = 0;
  #now = 0;
  #learned = 0;

  /** An integer ≥ 1. */
  get value(): number {
    if (this.#learned === 0 && this.#before === 0) return FIRST;
    return Math.max(1, this.#before, this.#now);
  }

  learn(length: number): void {
    if (this.#learned === WINDOW) {
      this.#before = this.#now;
      this.#now = 0;
      this.#learned = 0;
    }
    this.#learned += 1;
    this.#now = Math.max(this.#now, length);
  }
}
