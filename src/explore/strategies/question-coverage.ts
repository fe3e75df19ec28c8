/**
 * Which questions an exploration has met, as far as a mutation wants to know: a question that nobody asked before is a place of the
 * code that nobody has reached. Invariant: fixed in size, and a question costs a few instructions.
 */

const CELLS = 65_536;

/** Counts questions that are new: questions, and questions that are asked 2, 4, 8 … times in one execution. */
export class QuestionCoverage {
  readonly #reached = new Uint8Array(CELLS);
  #novelty = 0;

  note(hash: number, occurrence: number): void {
    const asked = occurrence + 1;
    if ((asked & occurrence) !== 0) return;
    const bit = 1 << Math.min(7, 31 - Math.clz32(asked));
    const cell = (hash ^ (hash >>> 16)) & (CELLS - 1);
    const before = this.#reached[cell] as number;
    if ((before & bit) !== 0) return;
    this.#reached[cell] = before | bit;
    this.#novelty += 1;
  }

  /** How many were new since the last call. */
  takeNovelty(): number {
    const novelty = this.#novelty;
    this.#novelty = 0;
    return novelty;
  }
}
