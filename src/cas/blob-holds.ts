/**
 * Tracks which blobs may not be evicted, by digest text. Invariant: a blob held along with another is held exactly as
 * long as that one.
 */

/** Holds on the blobs of one store. */
export class BlobHolds {
  readonly #own = new Counts();
  /** Blobs held along with others. They hold nothing themselves, so that no two can hold each other forever. */
  readonly #lent = new Counts();
  readonly #along = new Map<string, Set<string>>();

  has(key: string): boolean {
    return this.#own.has(key) || this.#lent.has(key);
  }

  /** All keys that are held now. */
  keys(): ReadonlySet<string> {
    return new Set([...this.#own.keys(), ...this.#lent.keys()]);
  }

  /** Holds all keys; the returned function releases them, once. */
  add(keys: readonly string[]): () => void {
    for (const key of keys) this.#own.add(key);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      for (const key of keys) if (this.#own.remove(key)) this.#releaseAlong(key);
    };
  }

  /** Holds the keys for as long as `key` is held; a no-op if it is not. */
  addAlong(key: string, keys: readonly string[]): void {
    if (!this.#own.has(key)) return;
    const along = this.#along.get(key) ?? new Set();
    this.#along.set(key, along);
    for (const other of keys) {
      if (!along.has(other)) this.#lent.add(other);
      along.add(other);
    }
  }

  #releaseAlong(key: string): void {
    for (const other of this.#along.get(key) ?? []) this.#lent.remove(other);
    this.#along.delete(key);
  }
}

class Counts {
  readonly #counts = new Map<string, number>();

  has(key: string): boolean {
    return this.#counts.has(key);
  }

  add(key: string): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  keys(): Iterable<string> {
    return this.#counts.keys();
  }

  /** True if that was the last hold. */
  remove(key: string): boolean {
    const left = (this.#counts.get(key) ?? 0) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
    return left <= 0;
  }
}
