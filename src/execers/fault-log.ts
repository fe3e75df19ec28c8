/**
 * The faults of a process that did not change its outcome. Invariant: none is lost silently; beyond a bound they are
 * only counted, so that a sink that fails a million times costs no memory.
 */
import { messageOf } from '../kernel/errors.ts';

const KEPT_MAX = 16;
/** How the entry for a failed write to a sink begins. */
const SINK_FAULT = /^(?:stdout|stderr) sink: /;

/** Collects faults in the order in which they happened. */
export class FaultLog {
  readonly #kept: string[] = [];
  #more = 0;

  /** Adds the entry `WHERE: MESSAGE`. */
  add(where: string, error: unknown): void {
    if (this.#kept.length >= KEPT_MAX) this.#more++;
    else this.#kept.push(`${where}: ${messageOf(error)}`);
  }

  /** All kept entries, and, if there were more, a last entry with their number. */
  list(): readonly string[] {
    return this.#more === 0 ? this.#kept : [...this.#kept, `and ${this.#more} more`];
  }
}

/** What the first sink that failed has said; undefined if none did. The faults of a recorded process are read as well, so there is only their text. */
export function sinkFaultIn(faults: readonly string[] = []): string | undefined {
  return faults.find((fault) => SINK_FAULT.test(fault))?.replace(SINK_FAULT, '');
}
