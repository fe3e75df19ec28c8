/**
 * A queue: first in, first out. Invariant: taking the first costs the same however many wait, while `Array.shift` moves
 * all others once they are many.
 */

/** Fewer places than this are not worth giving back. */
const TAKEN_MIN = 32;

/** Items in the order in which they were added. */
export class Fifo<T extends object> {
  #items: (T | undefined)[] = [];
  /** Number of places at the front whose items were taken. */
  #taken = 0;
  #moved = 0;

  get size(): number {
    return this.#items.length - this.#taken;
  }

  /** How often an item was moved: what taking has cost. */
  get moved(): number {
    return this.#moved;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Removes and returns the first item; undefined if there is none. */
  shift(): T | undefined {
    const item = this.#items[this.#taken];
    if (item === undefined) return undefined;
    this.#items[this.#taken] = undefined;
    this.#taken += 1;
    // No more items are moved then than were taken since the last time.
    if (this.#taken >= TAKEN_MIN && this.#taken >= this.size) this.#giveBack();
    return item;
  }

  #giveBack(): void {
    this.#moved += this.size;
    this.#items = this.#items.slice(this.#taken);
    this.#taken = 0;
  }
}
