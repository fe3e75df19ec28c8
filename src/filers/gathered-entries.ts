/**
 * What an ingestion gathers from its sources, by path in the snapshot. Invariants: no two sources give the same path,
 * except a directory, whose contents are united; parents are directories, and come before their children.
 */
import { invalidArgument } from '../kernel/errors.ts';

/** Gathers entries; `dirAt` makes the parents that no source gives. */
export class GatheredEntries<E extends { readonly kind: string }> {
  readonly entries: ReadonlyMap<string, E>;
  readonly #entries = new Map<string, E>();
  readonly #dirAt: (path: string) => E;

  constructor(dirAt: (path: string) => E) {
    this.#dirAt = dirAt;
    this.entries = this.#entries;
  }

  /**
   * Adds an entry; a directory may be added to itself, and at '', the root of the snapshot.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if anything else is at that path or at one of its parents.
   */
  add(path: string, entry: E): void {
    if (path === '') {
      if (entry.kind !== 'dir') throw invalidArgument('target path', 'a name for the file', path);
      return;
    }
    const end = path.lastIndexOf('/');
    if (end > 0) this.add(path.slice(0, end), this.#dirAt(path.slice(0, end)));
    const other = this.#entries.get(path);
    if (other?.kind === 'dir' && entry.kind === 'dir') return;
    if (other !== undefined) throw invalidArgument('paths', 'one source for each target', path);
    this.#entries.set(path, entry);
  }
}
