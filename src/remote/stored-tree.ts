/**
 * Directories as blobs, wherever they lie. Invariants: the same content gives the same digests, as names are sorted by their bytes; what cannot
 * be kept exactly is refused, not left out; links are kept, never followed, and none leads out of its tree.
 */
import { type DirectoryMessage, MESSAGES } from '../cas/codec.ts';
import { digestOf } from '../cas/digest-of.ts';
import { isConfinedLink } from '../model/confined-path.ts';
import { FilerError, throwIfCancelled } from '../filers/filer-error.ts';
import type { TreeEntries } from '../filers/memory-tree.ts';
import type { Cancellable } from '../model/cancellation.ts';
import type { ContentStore } from '../model/content-store.ts';
import { digestKey, type Digest } from '../model/digest.ts';
import { EXIT_CODES } from '../model/exit-code.ts';
import type { MaybePromise } from '../model/maybe-promise.ts';

/** What can lie at a path; `other` cannot be kept. */
export type EntryKind = 'file' | 'dir' | 'link' | 'other';

/** A file that was stored. */
export interface StoredFile {
  readonly digest: Digest;
  readonly isExecutable: boolean;
}

/** A directory with all that is below it. Paths are relative to it; it is itself at `''`. */
export interface TreeSource {
  /** Names and what they are, in any order. */
  entriesOf(dir: string): MaybePromise<Iterable<readonly [name: string, kind: EntryKind]>>;
  /** Stores a file as it is now. */
  storeFile(content: ContentStore, path: string, cancel: Cancellable | undefined): MaybePromise<StoredFile>;
  /** What a link leads to. */
  targetOf(path: string): MaybePromise<string>;
}

/** What a directory came to. */
export interface StoredTree {
  readonly root: DirectoryMessage;
  readonly digest: Digest;
  /** All directories below it, each once. */
  readonly children: readonly DirectoryMessage[];
}

/** Something that cannot be kept: `RUNNER_FILER_FAILED`. */
export function unkept(message: string): FilerError {
  return new FilerError(message, { exitCode: EXIT_CODES.BUNDLE_UPLOAD });
}

/** Stores bytes under their own digest. */
export async function storeBytes(
  content: ContentStore,
  bytes: Uint8Array,
  cancel?: Cancellable,
): Promise<Digest> {
  const digest = digestOf(bytes);
  await content.write(digest, bytes, cancel);
  return digest;
}

/**
 * Stores a directory with all that is below it.
 *
 * @throws RunnerError (rejects) `RUNNER_FILER_FAILED` for a link that leads out of it, and for what is neither file, directory nor link.
 */
export async function storeTree(
  content: ContentStore,
  source: TreeSource,
  cancel?: Cancellable,
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
      const path = dir === '' ? name : `${dir}/${name}`;
      if (kind === 'dir') {
        const { message, digest } = await store(path);
        children.set(digestKey(digest), message);
        found.directories.push({ name, digest });
      } else if (kind === 'file') {
        found.files.push({ name, ...(await source.storeFile(content, path, cancel)) });
      } else if (kind === 'link') {
        found.symlinks.push({ name, target: await confinedTarget(source, path) });
      } else {
        throw unkept(`neither file, directory nor link: ${path}`);
      }
    }
    return found;
  };
  const { message, digest } = await store('');
  return { root: message, digest, children: [...children.values()] };
}

/** The target of a link; one that leads out of the tree is refused. */
async function confinedTarget(source: TreeSource, path: string): Promise<string> {
  const target = await source.targetOf(path);
  if (isConfinedLink(path, target)) return target;
  throw unkept(`link that could lead out of its directory: ${path} -> ${target}`);
}

/** Names by the bytes of their UTF-8, as the protocol has it: not the order of JavaScript, which has all beyond U+FFFF before U+E000. */
function inByteOrder(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x !== y) return rankOf(x) - rankOf(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points that come after all those of one unit. */
function rankOf(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** Entries by their paths as a directory; parents that are not listed are there as well. */
export function sourceOf(entries: TreeEntries): TreeSource {
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
  return {
    entriesOf: (dir) => dirs.get(dir) ?? [],
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
