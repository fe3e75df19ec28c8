/**
 * The names of what a recorded runner asks, sets and is called for: its kind, its own name, and a number that counts those alike. Invariant:
 * the recorder and the player both take names from here, so that a replay, which does things in the same order, finds each again.
 */
import type { AskKind, RecordedCall } from './recording.ts';

/** Counts for one runner; the first of its kind is number 1. */
export class RecordedNames {
  readonly #counts = new Map<string, number>();

  /** The number of a request to a collaborator. */
  ask(what: AskKind, name: string): number {
    return this.#next(`${what} ${name}`);
  }

  /** The number of an event that the runner sets on its clock. */
  event(label: string): number {
    return this.#next(`timer ${label}`);
  }

  /** The number of a call on the runner. */
  call(call: RecordedCall): number {
    return this.#next(`call ${call}`);
  }

  /** The number of the address that an upload was given. */
  uploadUri(): number {
    return this.#next('upload uri');
  }

  #next(name: string): number {
    const nth = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, nth);
    return nth;
  }
}

/** What an upload is called: the name of its file, because the folder is drawn anew by each runner. */
export function uploadName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
