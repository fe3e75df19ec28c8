/**
 * Which configurations of a search are known: a set of placed operations and the state after them (G. Lowe, "Testing for
 * linearizability", Concurrency and Computation 29(4), 2017). Invariant: of configurations that differ only in the open operations
 * they have used, those are kept that use no more than another: whatever can be done with fewer left can be done with more.
 */

/** Indices of open operations, ascending. */
export type UsedOpen = readonly number[];

/** Remembers configurations. */
export class ConfigurationCache {
  readonly #known = new Map<string, UsedOpen[]>();

  /** False if a configuration that is as good is known; otherwise this one is known from now on. */
  add(key: string, used: UsedOpen): boolean {
    const others = this.#known.get(key);
    if (others === undefined) {
      this.#known.set(key, Array.of(used));
      return true;
    }
    if (others.some((other) => isSubset(other, used))) return false;
    const kept = others.filter((other) => !isSubset(used, other));
    kept.push(used);
    this.#known.set(key, kept);
    return true;
  }
}

function isSubset(small: UsedOpen, large: UsedOpen): boolean {
  if (small.length > large.length) return false;
  let at = 0;
  for (const index of small) {
    while (at < large.length && (large[at] as number) < index) at += 1;
    if (large[at] !== index) return false;
    at += 1;
  }
  return true;
}
