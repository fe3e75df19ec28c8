/**
 * What a search still has to do. Invariants: what goes on with operations that returned comes first, deepest first, as in a
 * backtracking search; open operations are tried only when that leads no further, where most has been placed already and with the
 * fewest open ones, so that a lost operation is used when something needs it.
 */

/** Configurations in the order in which to look at them. */
export class SearchFrontier<C> {
  readonly #next: C[] = [];
  /** By number of operations placed, then by number of open ones used. */
  readonly #stuck: (C[] | undefined)[][] = [];

  /** To be looked at next. */
  push(configuration: C): void {
    this.#next.push(configuration);
  }

  pop(): C | undefined {
    return this.#next.pop();
  }

  /** To be gone on with by an open operation, when nothing else is left. */
  defer(configuration: C, placed: number, usedOpen: number): void {
    while (this.#stuck.length <= placed) this.#stuck.push([]);
    const byUse = this.#stuck[placed] ?? [];
    (byUse[usedOpen] ??= []).push(configuration);
  }

  popDeferred(): C | undefined {
    while (this.#stuck.length > 0) {
      const found = this.#stuck.at(-1)?.find((configurations) => (configurations?.length ?? 0) > 0);
      if (found !== undefined) return found.pop();
      this.#stuck.pop();
    }
    return undefined;
  }
}
