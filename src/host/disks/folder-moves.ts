/**
 * Moves of files between the folders of a disk that no sync has made durable yet. Invariant: what one sync may make
 * durable at once is closed under moves: of two folders between which a file has moved, it syncs both or neither.
 */

/** Pairs of folders between which files have moved since they were last synced. */
export class FolderMoves {
  readonly #targets = new Map<string, Set<string>>();
  readonly #sources = new Map<string, Set<string>>();

  /** A file has moved from one folder to another. */
  add(from: string, to: string): void {
    if (from === to) return;
    addTo(this.#targets, from, to);
    addTo(this.#sources, to, from);
  }

  /**
   * The folders to sync together with `folder`, it included: all that moves connect with it, since a sync of one from
   * which files have moved makes them vanish there, whichever folders they are in now. `above` names the folders in
   * which the name of a folder is not durable yet.
   *
   * A folder that files have moved to comes before those that they have left, and so do the folders above it: if power
   * fails between two syncs, a file may be in both folders, but is never in neither. Of moves that form a cycle, as when
   * two folders swap files, at least one has no such order: the file system decides whether both ends of that rename
   * become durable at once. All other moves keep it.
   */
  inSyncOrder(folder: string, above: (folder: string) => readonly string[]): string[] {
    const together = new Set([folder]);
    for (const each of together) {
      for (const more of [above(each), this.#targets.get(each), this.#sources.get(each)]) {
        for (const one of more ?? []) together.add(one);
      }
    }
    const ordered: string[] = [];
    const met = new Set<string>();
    const place = (each: string): void => {
      if (met.has(each)) return;
      met.add(each);
      for (const to of this.#targets.get(each) ?? []) for (const one of [to, ...above(to)]) place(one);
      ordered.push(each);
    };
    for (const each of together) place(each);
    return ordered;
  }

  /** All folders that {@link inSyncOrder} named have been synced. */
  forget(folders: Iterable<string>): void {
    for (const folder of folders) {
      this.#targets.delete(folder);
      this.#sources.delete(folder);
    }
  }

  /** The folder is gone: what makes its end durable is a sync of the one that it was in. */
  remove(folder: string, parent: string): void {
    const targets = this.#targets.get(folder) ?? [];
    const sources = this.#sources.get(folder) ?? [];
    this.forget([folder]);
    for (const to of targets) {
      this.#sources.get(to)?.delete(folder);
      this.add(parent, to);
    }
    for (const from of sources) {
      this.#targets.get(from)?.delete(folder);
      this.add(from, parent);
    }
  }
}

function addTo(map: Map<string, Set<string>>, key: string, value: string): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, new Set([value]));
  else values.add(value);
}
