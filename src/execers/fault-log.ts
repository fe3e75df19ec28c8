/**
 * The faults of one process that did not change its outcome. Invariant: none is lost silently; beyond a bound they are counted
 * instead of kept, so that a sink that fails a million times costs no memory.
 */
import { messageOf } from '../kernel/errors.ts';

const KEPT_MAX = 16;

/** Collects faults in the order in which they happened. */
export class FaultLog {
  readonly #kept: string[] = [];
  #more = 0;

  /** Keeps `where: text of the error`. */
  add(where: string, error: unknown): void {
    if (this.#kept.length >= KEPT_MAX) this.#more++;
    else this.#kept.push(`${where}: ${messageOf(error)}`);
  }

  /** All that was kept, and as last entry how many more there were. */
  list(): readonly string[] {
    return this.#more === 0 ? this.#kept : [...this.#kept, `and ${this.#more} more`];
  }
}
