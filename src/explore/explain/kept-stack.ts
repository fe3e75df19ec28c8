/**
 * Stacks of a long execution. Invariants: one becomes text only once it is read, which costs many times what it costs to take it; only those
 * of the beginning and of the end are kept, for each takes kilobytes and all of them more than a thread may have.
 */

import { stackOf } from '../../kernel/errors.ts';

/** Of each end: what an explanation shows is near one of them, or was decided. */
const KEPT = 10_000;

/** A stack that nobody has read yet. */
export class KeptStack {
  #taken: Error | undefined;

  constructor(taken: Error) {
    this.#taken = taken;
  }

  /** Empty once it is forgotten. */
  get text(): string {
    return stackOf(this.#taken) ?? '';
  }

  forget(): void {
    this.#taken = undefined;
  }
}

/** Finds what is neither among the first that were added nor among the last. */
export class KeptEnds<Item> {
  readonly #forget: (item: Item) => void;
  readonly #last: Item[] = [];
  #count = 0;

  constructor(forget: (item: Item) => void) {
    this.#forget = forget;
  }

  add(item: Item): void {
    this.#count += 1;
    if (this.#count <= KEPT) return;
    const slot = this.#count % KEPT;
    const oldest = this.#last[slot];
    if (oldest !== undefined) this.#forget(oldest);
    this.#last[slot] = item;
  }
}
