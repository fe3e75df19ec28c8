/** Which conditions of a scenario have come true at least once: a property that only many runs together can have. */

const NONE: Readonly<Record<string, boolean>> = Object.freeze({});

/** Conditions by name, in the order of their first mention. */
export class ReachedConditions {
  #reached: Map<string, boolean> | undefined;

  note(name: string, condition: boolean): void {
    this.#reached ??= new Map();
    if (condition || !this.#reached.has(name)) this.#reached.set(name, condition);
  }

  /** True for each that has come true, false for the others that were mentioned. */
  toRecord(): Readonly<Record<string, boolean>> {
    return this.#reached === undefined ? NONE : Object.fromEntries(this.#reached);
  }
}
