/**
 * A small file tree in memory that stands in for a disk. Invariant: the parents of every entry are directories of the
 * tree, and content is copied on the way in and out, so that nothing outside can change it.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { RunnerError, invalidArgument } from '../kernel/errors.ts';
import type { Chunk } from '../model/output.ts';
import { ABSOLUTE_PATH } from './filer-arguments.ts';

/** One entry of a tree. */
export type TreeEntry =
  | { readonly kind: 'dir' }
  | { readonly kind: 'file'; readonly bytes: Uint8Array; readonly executable: boolean }
  /** A symbolic link. The tree never follows it. */
  | { readonly kind: 'link'; readonly target: string };

/** Entries by path relative to a common root, parents first; '' is never among them. */
export type TreeEntries = ReadonlyMap<string, TreeEntry>;

const CONTENT = is.satisfying(
  'text or bytes',
  (value) => typeof value === 'string' || value instanceof Uint8Array,
);
const ENTRY = is.objectOf<Pick<TreeEntry, 'kind'>>(
  'a file or a directory',
  { kind: is.oneOf('dir', 'file', 'link') },
  {},
);
const DIR: TreeEntry = Object.freeze({ kind: 'dir' });

/** The segments of an absolute path; throws for an invalid path. */
function segmentsOf(path: string): string[] {
  check('path', path, ABSOLUTE_PATH);
  const segments = path.split('/').filter((segment) => segment !== '');
  if (segments.some((segment) => segment === '.' || segment === '..')) {
    throw invalidArgument('path', 'a path without . and .. segments', path);
  }
  return segments;
}

/** See {@link createMemoryTree}. All paths are absolute, with `/` between segments. */
export class MemoryTree {
  // Parents before children, because an entry can be created only after its parents.
  readonly #entries = new Map<string, TreeEntry>();

  /** Creates a directory and its parents; existing ones stay. Throws `RUNNER_FILER_FAILED` if a file is in the way. */
  makeDir(path: string): void {
    let at = '';
    for (const segment of segmentsOf(path)) {
      at = `${at}/${segment}`;
      const entry = this.#entries.get(at);
      if (entry !== undefined && entry.kind !== 'dir') {
        throw new RunnerError('RUNNER_FILER_FAILED', `Not a directory: ${at}`);
      }
      if (entry === undefined) this.#entries.set(at, DIR);
    }
  }

  /** Writes a file and creates its parents. Throws `RUNNER_FILER_FAILED` if a directory is in the way. */
  writeFile(path: string, content: Chunk, executable = false): void {
    const segments = segmentsOf(path);
    check('content', content, CONTENT);
    this.makeDir(`/${segments.slice(0, -1).join('/')}`);
    const at = `/${segments.join('/')}`;
    if (this.kindOf(at) === 'dir') throw new RunnerError('RUNNER_FILER_FAILED', `Is a directory: ${at}`);
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content.slice();
    this.#entries.set(at, { kind: 'file', bytes, executable });
  }

  /** Creates a symbolic link and its parents. Throws `RUNNER_FILER_FAILED` if anything is in the way. */
  makeLink(path: string, target: string): void {
    const segments = segmentsOf(path);
    check('target', target, is.TEXT);
    this.makeDir(`/${segments.slice(0, -1).join('/')}`);
    const at = `/${segments.join('/')}`;
    if (this.kindOf(at) !== undefined) throw new RunnerError('RUNNER_FILER_FAILED', `File exists: ${at}`);
    this.#entries.set(at, { kind: 'link', target });
  }

  /** The kind of an entry; undefined if there is none. The root is a directory. */
  kindOf(path: string): TreeEntry['kind'] | undefined {
    const segments = segmentsOf(path);
    return segments.length === 0 ? 'dir' : this.#entries.get(`/${segments.join('/')}`)?.kind;
  }

  /** A copy of a file's bytes; throws `RUNNER_FILER_FAILED` if there is no such file. */
  readFile(path: string): Uint8Array {
    const entry = this.#entries.get(`/${segmentsOf(path).join('/')}`);
    if (entry?.kind !== 'file') throw new RunnerError('RUNNER_FILER_FAILED', `No such file: ${path}`);
    return entry.bytes.slice();
  }

  /** Everything under a directory, by relative path, parents first. */
  entriesUnder(dir: string): TreeEntries {
    const prefix = `/${[...segmentsOf(dir), ''].join('/')}`;
    const found = new Map<string, TreeEntry>();
    for (const [path, entry] of this.#entries) {
      if (path.startsWith(prefix)) found.set(path.slice(prefix.length), entry);
    }
    return found;
  }

  /** The entry at a path; undefined if there is none. */
  entryAt(path: string): TreeEntry | undefined {
    const segments = segmentsOf(path);
    return segments.length === 0 ? DIR : this.#entries.get(`/${segments.join('/')}`);
  }

  /** Copies entries into a directory, which is created if necessary. */
  putUnder(dir: string, entries: TreeEntries): void {
    check('entries', entries, is.instanceOf('a Map of path to entry', Map));
    this.makeDir(dir);
    for (const [path, entry] of entries) {
      check('path of an entry', path, is.TEXT);
      check(`entry ${path}`, entry, ENTRY);
      if (entry.kind === 'dir') this.makeDir(`${dir}/${path}`);
      else if (entry.kind === 'link') this.makeLink(`${dir}/${path}`, entry.target);
      else this.writeFile(`${dir}/${path}`, entry.bytes, entry.executable);
    }
  }

  /** Removes an entry and everything under it; the root stays. */
  remove(path: string): void {
    const at = `/${segmentsOf(path).join('/')}`;
    const prefix = at === '/' ? at : `${at}/`;
    this.#entries.delete(at);
    for (const other of this.#entries.keys()) if (other.startsWith(prefix)) this.#entries.delete(other);
  }
}

/**
 * Creates an empty tree.
 *
 * @example
 * ```ts
 * import { createMemoryTree } from 'dryrunner';
 * const tree = createMemoryTree();
 * tree.writeFile('/src/main.c', 'int main;');
 * if (tree.kindOf('/src') !== 'dir') throw new Error('parents are made');
 * ```
 */
export function createMemoryTree(): MemoryTree {
  return new MemoryTree();
}
