/**
 * Names for events that stay the same when independent events before them change places: an event is the n-th one made while its cause
 * was firing. Ids do not stay the same, since they count all events. Invariant: exact, no hash; the same path of causes and ordinals
 * gives the same number in every execution of a search.
 */

/** An event as a search knows it. */
export class EventIdentity {
  /** From 1; 0 is what was there before any event. */
  readonly number: number;
  readonly #children = new Map<number, EventIdentity>();
  readonly #count: { last: number };

  constructor(count: { last: number } = { last: -1 }) {
    this.#count = count;
    this.number = ++count.last;
  }

  /** The `ordinal`-th event, from 1, that this one makes. */
  child(ordinal: number): EventIdentity {
    let child = this.#children.get(ordinal);
    if (child === undefined) {
      child = new EventIdentity(this.#count);
      this.#children.set(ordinal, child);
    }
    return child;
  }
}
