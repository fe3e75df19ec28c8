/**
 * Identities of events that stay the same when independent events before them change places: an event is the n-th event
 * that was put into the queue while its maker was firing. Ids do not have this property, because they count all events.
 * Invariant: exact, not hashed; the same path of makers and ordinals gives the same number in every execution of a
 * search.
 */

/** The identity of an event in a search. */
export class EventIdentity {
  /** From 1; 0 stands for the start, before any event. */
  readonly number: number;
  readonly #children = new Map<number, EventIdentity>();
  readonly #count: { last: number };

  constructor(count: { last: number } = { last: -1 }) {
    this.#count = count;
    this.number = ++count.last;
  }

  /** The identity of the `ordinal`-th event, from 1, that this one puts into the queue. */
  child(ordinal: number): EventIdentity {
    let child = this.#children.get(ordinal);
    if (child === undefined) {
      child = new EventIdentity(this.#count);
      this.#children.set(ordinal, child);
    }
    return child;
  }
}
