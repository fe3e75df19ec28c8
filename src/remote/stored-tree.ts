/**
 * Stores directories as blobs, wherever they are. Invariants: equal content gives equal digests, because names are
 * sorted by their bytes; entries that cannot be stored exactly are rejected, not left out; links are stored, never
 * followed, and none leads out of the root below which its tree lies.
 */
import { checkPathBytes, utf8Bytes } from '../cas/action-messages.ts';
import { type DirectoryMessage, MESSAGES, type TreeMessage } from '../cas/codec.ts';
import { digestOf } from '../cas/digest-of.ts';
import { onOneLine } from '../kernel/one-line.ts';
import { isConfinedLink } from '../model/confined-path.ts';
import { FilerError, throwIfCancelled } from '../filers/filer-error.ts';
import type { TreeEntries } from '../filers/memory-tree.ts';
import type { Cancellable } from '../model/cancellation.ts';
import type { ContentStore } from '../model/content-store.ts';
import { digestKey, type Digest } from '../model/digest.ts';
import { EXIT_CODES } from '../model/exit-code.ts';
import { type MaybePromise, whenThere } from '../model/maybe-promise.ts';
import { checkNames } from './input-tree.ts';

/** The kind of an entry; `other` cannot be stored. */
export type EntryKind = 'file' | 'dir' | 'link' | 'other';

/** A file that was stored. */
export interface StoredFile {
  readonly digest: Digest;
  readonly isExecutable: boolean;
}

/** A directory with everything below it. Paths are relative to it; the directory itself is `''`. */
export interface TreeSource {
  /** Names and kinds of the entries, in any order. */
  entriesOf(dir: string): MaybePromise<Iterable<readonly [name: string, kind: EntryKind]>>;
  /** Stores the current content of a file. */
  storeFile(content: ContentStore, path: string, cancel: Cancellable | undefined): MaybePromise<StoredFile>;
  /** The target of a link. */
  targetOf(path: string): MaybePromise<string>;
}

/** The result of storing a directory. */
export interface StoredTree {
  readonly root: DirectoryMessage;
  readonly digest: Digest;
  /** All directories below it, without repeats. */
  readonly children: readonly DirectoryMessage[];
}

/** The error for an entry that cannot be stored: `RUNNER_FILER_FAILED`. */
export function unkept(message: string, cause?: unknown): FilerError {
  return new FilerError(onOneLine(message), {
    exitCode: EXIT_CODES.BUNDLE_UPLOAD,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Stores bytes under their own digest. */
export function storeBytes(
  content: ContentStore,
  bytes: Uint8Array,
  cancel?: Cancellable,
): MaybePromise<Digest> {
  const digest = digestOf(bytes);
  return whenThere(content.write(digest, bytes, cancel), () => digest);
}

/**
 * Stores a directory with everything below it.
 *
 * @param at where the directory lies below the root in which its links have to stay; default: it is that root.
 * @throws RunnerError (rejects) `RUNNER_FILER_FAILED` for a link that leads out of the root, and for an entry that is not
 * a file, directory or link.
 */
export async function storeTree(
  content: ContentStore,
  source: TreeSource,
  cancel?: Cancellable,
  at = '',
): Promise<StoredTree> {
  const children = new Map<string, DirectoryMessage>();
  const store = async (path: string): Promise<{ message: DirectoryMessage; digest: Digest }> => {
    const message = await directoryOf(path);
    const digest = await storeBytes(content, MESSAGES.Directory.encode(message), cancel);
    return { message, digest };
  };
  const directoryOf = async (dir: string): Promise<DirectoryMessage> => {
    const found: { -readonly [K in keyof DirectoryMessage]: DirectoryMessage[K][number][] } = {
      files: [],
      directories: [],
      symlinks: [],
    };
    const entries = [...(await source.entriesOf(dir))].sort(([a], [b]) => inByteOrder(a, b));
    for (const [name, kind] of entries) {
      throwIfCancelled(cancel, 'storing a directory');
      const path = below(dir, name);
      if (kind === 'dir') {
        const { message, digest } = await store(path);
        children.set(digestKey(digest), message);
        found.directories.push({ name, digest });
      } else if (kind === 'file') {
        found.files.push({ name, ...(await source.storeFile(content, path, cancel)) });
      } else if (kind === 'link') {
        found.symlinks.push({ name, target: confinedTarget(below(at, path), await source.targetOf(path)) });
      } else {
        throw unkept(`neither file, directory nor link: ${below(at, path)}`);
      }
    }
    return found;
  };
  const { message, digest } = await store('');
  return { root: message, digest, children: [...children.values()] };
}

/** A path in a directory; either may be empty. */
export function below(dir: string, path: string): string {
  if (path === '') return dir;
  return dir === '' ? path : `${dir}/${path}`;
}

/**
 * The target of a link that is stored at `path`, which counts from the input root.
 *
 * @throws RunnerError `RUNNER_FILER_FAILED` if it leads out of the input root.
 */
export function confinedTarget(path: string, target: string): string {
  const refusal = linkRefusal(path, target);
  if (refusal !== undefined) throw unkept(refusal);
  return target;
}

/** Why no output may be a link to that target, in words; undefined if it may. */
export function linkRefusal(path: string, target: string): string | undefined {
  if (isConfinedLink(path, target)) return undefined;
  return onOneLine(`link that could lead out of the input root: ${path} -> ${target}`);
}

/** A link and where it lies. */
export interface PlacedLink {
  readonly path: string;
  readonly target: string;
}

/**
 * The links in a tree of others that lies at `at`, each where it is least deep, because that is the strictest limit for
 * its target.
 *
 * @throws RunnerError `RUNNER_BAD_MESSAGE` for names that no entry can have, and paths that are too long.
 */
export function linksOfTree({ root, children }: TreeMessage, at: string): readonly PlacedLink[] {
  const top = root === null ? [] : [root];
  for (const message of [...top, ...children]) checkNames(message);
  const links: PlacedLink[] = [];
  const addLinks = ({ symlinks }: DirectoryMessage, path: string): void => {
    for (const { name, target } of symlinks) links.push({ path: below(path, name), target });
  };
  if (children.every(({ symlinks }) => symlinks.length === 0)) {
    for (const message of top) addLinks(message, at);
    return links;
  }
  const left = new Map(
    children.map((child) => [digestKey(digestOf(MESSAGES.Directory.encode(child))), child] as const),
  );
  const open = top.map((message) => [message, at] as const);
  for (const [message, path] of open) {
    addLinks(message, path);
    for (const { name, digest } of message.directories) {
      const key = digest === null ? '' : digestKey(digest);
      const child = left.get(key);
      if (child === undefined) continue;
      left.delete(key);
      const inner = below(path, name);
      checkPathBytes('output_directories', utf8Bytes(inner));
      open.push([child, inner]);
    }
  }
  // A child with fields that are not known here has another digest than its name says: it may lie anywhere below the root.
  for (const child of left.values()) addLinks(child, below(at, '*'));
  return links;
}

/**
 * Compares names by their UTF-8 bytes, as the protocol requires. JavaScript's order differs: it sorts characters beyond
 * U+FFFF before U+E000.
 */
function inByteOrder(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x !== y) return rankOf(x) - rankOf(y);
  }
  return a.length - b.length;
}

/** Ranks surrogates after all single code units, because their code points come later. */
function rankOf(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** The names and kinds in each directory of entries by path; parents that are not listed are added. */
export function listing(entries: ReadonlyMap<string, { readonly kind: EntryKind }>): TreeSource['entriesOf'] {
  const dirs = new Map<string, Map<string, EntryKind>>([['', new Map()]]);
  const put = (path: string, kind: EntryKind): void => {
    const at = path.lastIndexOf('/');
    namesIn(at < 0 ? '' : path.slice(0, at)).set(path.slice(at + 1), kind);
  };
  const namesIn = (dir: string): Map<string, EntryKind> => {
    const known = dirs.get(dir);
    if (known !== undefined) return known;
    const names = new Map<string, EntryKind>();
    dirs.set(dir, names);
    put(dir, 'dir');
    return names;
  };
  for (const [path, { kind }] of entries) {
    if (kind === 'dir') namesIn(path);
    else put(path, kind);
  }
  return (dir) => dirs.get(dir) ?? [];
}

/** A source over entries by path. */
export function sourceOf(entries: TreeEntries): TreeSource {
  return {
    entriesOf: listing(entries),
    async storeFile(content, path, cancel) {
      const entry = entries.get(path);
      if (entry?.kind !== 'file') throw unkept(`not a regular file: ${path}`);
      return { digest: await storeBytes(content, entry.bytes, cancel), isExecutable: entry.executable };
    },
    targetOf(path) {
      const entry = entries.get(path);
      return entry?.kind === 'link' ? entry.target : '';
    },
  };
}
