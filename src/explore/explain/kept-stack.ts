/**
 * Stacks of a long execution. Invariants: a stack is formatted only when it is read, because that costs many times what
 * capturing costs; only those of the beginning and the end are kept, because each takes kilobytes and all together may
 * exceed a thread's memory.
 */

import { stackOf } from '../../kernel/errors.ts';

/** Number kept at each end: what an explanation shows is near one of them, or was decided. */
const KEPT = 10_000;

/** A stack that has not been read yet. */
export class KeptStack {
  #taken: Error | undefined;

  constructor(taken: Error) {
    this.#taken = taken;
  }

  /** Empty once the stack was forgotten. */
  get text(): string {
    return stackOf(this.#taken) ?? '';
  }

  forget(): void {
    this.#taken = undefined;
  }
}

/** Forgets items that are neither among the first nor among the last that were added. */
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
