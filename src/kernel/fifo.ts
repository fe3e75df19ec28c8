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

  get size(): number {
    return this.#items.length - this.#taken;
  }

  /** The item that was added first; undefined if there is none. */
  get first(): T | undefined {
    return this.#items[this.#taken];
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

  /** All items, the first one first. Must not be changed meanwhile. */
  *[Symbol.iterator](): Generator<T, void> {
    for (let place = this.#taken; place < this.#items.length; place += 1) yield this.#items[place] as T;
  }

  #giveBack(): void {
    this.#items = this.#items.slice(this.#taken);
    this.#taken = 0;
  }
}
