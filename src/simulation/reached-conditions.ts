/**
 * Records which conditions of a scenario were true at least once: a property that is judged over many executions
 * together.
 */

const NONE: Readonly<Record<string, boolean>> = Object.freeze({});

/** Conditions by name, in the order of first mention. */
export class ReachedConditions {
  #reached: Map<string, boolean> | undefined;

  note(name: string, condition: boolean): void {
    this.#reached ??= new Map();
    if (condition || !this.#reached.has(name)) this.#reached.set(name, condition);
  }

  /** For each condition that was mentioned: true if it was reached. */
  toRecord(): Readonly<Record<string, boolean>> {
    return this.#reached === undefined ? NONE : Object.fromEntries(this.#reached);
  }
}
