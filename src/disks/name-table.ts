/**
 * Maps names to files, as processes see them and as the medium holds them. Invariants: a change of names is on the
 * medium entirely or not at all; of two changes whose names exclude each other, the later one is never there without
 * the earlier; a folder exists while it contains a file.
 */
import { folderOfPath, foldersAbove } from '../model/disk.ts';
import type { StoredFile } from './stored-file.ts';

/** A change of names that is not on the medium yet. */
export type NameChange =
  | { readonly kind: 'creation'; readonly path: string; readonly file: StoredFile }
  | { readonly kind: 'removal'; readonly path: string }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string; readonly file: StoredFile };

/**
 * Names, and those that exclude them: a file excludes all others of its name, in it as a folder, and of its folders.
 */
export class ExclusiveNames {
  readonly #names = new Set<string>();
  readonly #folders = new Set<string>();

  add(name: string): void {
    this.#names.add(name);
    for (const folder of foldersAbove(name)) this.#folders.add(folder);
  }

  exclude(name: string): boolean {
    if (this.#names.has(name) || this.#folders.has(name)) return true;
    return foldersAbove(name).some((folder) => this.#names.has(folder));
  }
}

/** The names on one disk, with the changes that are not on the medium. */
export class NameTable {
  #now = new Map<string, StoredFile>();
  readonly #medium = new Map<string, StoredFile>();
  #unsynced: NameChange[] = [];
  /** Number of files in each folder and below. A folder with 0 may still contain files on the medium. */
  #folders = new Map<string, number>();

  /** Changes that are not on the medium, in order. */
  get unsynced(): readonly NameChange[] {
    return this.#unsynced;
  }

  get(path: string): StoredFile | undefined {
    return this.#now.get(path);
  }

  /** All paths, sorted. */
  get paths(): string[] {
    return [...this.#now.keys()].sort();
  }

  get files(): Iterable<StoredFile> {
    return this.#now.values();
  }

  /** True if the folder contains names, or once did and no file has taken its place. */
  knowsFolder(path: string): boolean {
    return path === '' || this.#folders.has(path);
  }

  /** Why no file can have that name; undefined if one can. */
  obstacle(path: string): string | undefined {
    if ((this.#folders.get(path) ?? 0) > 0) return `${path} is a folder`;
    const file = foldersAbove(path).find((folder) => this.#now.has(folder));
    return file === undefined ? undefined : `${file} is no folder`;
  }

  create(path: string, file: StoredFile): void {
    this.#change({ kind: 'creation', path, file });
  }

  remove(path: string): void {
    this.#change({ kind: 'removal', path });
  }

  rename(path: string, to: string, file: StoredFile): void {
    this.#change({ kind: 'rename', path, to, file });
  }

  /** Writes the names in a folder to the medium, together with all changes that they depend on. */
  sync(folder: string): void {
    if (this.#unsynced.length === 0) return;
    const needed = new ExclusiveNames();
    const isDue = (change: NameChange): boolean => {
      const names = namesIn(change);
      const due = names.some((name) => folderOfPath(name) === folder || needed.exclude(name));
      if (due) for (const name of names) needed.add(name);
      return due;
    };
    const due = this.#unsynced
      .map((_, index, all) => isDue(all[all.length - 1 - index] as NameChange))
      .reverse();
    for (const [index, change] of this.#unsynced.entries()) {
      if (due[index] === true) apply(this.#medium, change);
    }
    this.#unsynced = this.#unsynced.filter((_, index) => due[index] !== true);
  }

  /** Applies a power failure: what remains is the names on the medium plus these changes, in order. */
  survive(changes: readonly NameChange[]): void {
    for (const change of changes) apply(this.#medium, change);
    this.#unsynced = [];
    this.#now = new Map(this.#medium);
    this.#folders = new Map();
    for (const path of this.#now.keys()) this.#count(path, 1);
  }

  #change(change: NameChange): void {
    for (const name of namesIn(change)) if (this.#now.has(name)) this.#count(name, -1);
    apply(this.#now, change);
    for (const name of namesIn(change)) {
      if (!this.#now.has(name)) continue;
      this.#count(name, 1);
      this.#replaceFolder(name);
    }
    this.#unsynced.push(change);
  }

  /** A file has taken the place of a folder without files: neither it nor the folders in it are there any more. */
  #replaceFolder(path: string): void {
    if (!this.#folders.has(path)) return;
    for (const folder of this.#folders.keys()) {
      if (folder === path || folder.startsWith(`${path}/`)) this.#folders.delete(folder);
    }
  }

  #count(path: string, by: number): void {
    if (!path.includes('/')) return;
    for (const folder of foldersAbove(path)) this.#folders.set(folder, (this.#folders.get(folder) ?? 0) + by);
  }
}

/** The names that a change affects. */
export function namesIn(change: NameChange): readonly string[] {
  return change.kind === 'rename' ? [change.path, change.to] : [change.path];
}

function apply(names: Map<string, StoredFile>, change: NameChange): void {
  if (change.kind !== 'creation') names.delete(change.path);
  if (change.kind === 'creation') names.set(change.path, change.file);
  else if (change.kind === 'rename') names.set(change.to, change.file);
}
