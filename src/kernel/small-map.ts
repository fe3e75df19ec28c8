/**
 * A map with text keys that usually holds one or two entries, such as the runs of a runner that forgets all but the
 * last. Two entries are stored in fields; a `Map` is created for the third. Invariant: as in a `Map`, entries are in
 * insertion order of their keys.
 *
 * A `Map` takes 190 B, and a new table for every few entries that pass through it, which is noticeable with 10,000
 * runners.
 */
export class SmallMap<Value extends object> {
  #firstKey = '';
  #first: Value | undefined;
  #secondKey = '';
  #second: Value | undefined;
  /** Holds all entries, from the third on until it is empty. */
  #many: Map<string, Value> | undefined;

  get size(): number {
    if (this.#many !== undefined) return this.#many.size;
    if (this.#first === undefined) return 0;
    return this.#second === undefined ? 1 : 2;
  }

  get(key: string): Value | undefined {
    if (this.#many !== undefined) return this.#many.get(key);
    if (this.#first !== undefined && this.#firstKey === key) return this.#first;
    return this.#second !== undefined && this.#secondKey === key ? this.#second : undefined;
  }

  set(key: string, value: Value): void {
    if (this.#many !== undefined) this.#many.set(key, value);
    else if (this.#first === undefined || this.#firstKey === key) {
      this.#firstKey = key;
      this.#first = value;
    } else if (this.#second === undefined || this.#secondKey === key) {
      this.#secondKey = key;
      this.#second = value;
    } else {
      const many = new Map([
        [this.#firstKey, this.#first],
        [this.#secondKey, this.#second],
        [key, value],
      ]);
      this.clear();
      this.#many = many;
    }
  }

  delete(key: string): void {
    if (this.#many !== undefined) {
      this.#many.delete(key);
      if (this.#many.size === 0) this.#many = undefined;
    } else if (this.#second !== undefined && this.#secondKey === key) this.#second = undefined;
    else if (this.#first !== undefined && this.#firstKey === key) {
      this.#firstKey = this.#secondKey;
      this.#first = this.#second;
      this.#second = undefined;
    }
  }

  clear(): void {
    this.#first = undefined;
    this.#second = undefined;
    this.#many = undefined;
  }

  /** The first value for which `holds` returns true. */
  find(holds: (value: Value) => boolean): Value | undefined {
    if (this.#many === undefined) {
      if (this.#first !== undefined && holds(this.#first)) return this.#first;
      return this.#second !== undefined && holds(this.#second) ? this.#second : undefined;
    }
    for (const value of this.#many.values()) if (holds(value)) return value;
    return undefined;
  }

  /** The keys in order; valid until an entry is added or removed. */
  keys(): Iterable<string> {
    return this.#many?.keys() ?? [this.#firstKey, this.#secondKey].slice(0, this.size);
  }

  /** The values in order; valid until an entry is added or removed. */
  values(): Iterable<Value> {
    return this.#many?.values() ?? [this.#first, this.#second].filter((value) => value !== undefined);
  }
}
