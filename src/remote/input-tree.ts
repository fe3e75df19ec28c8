/**
 * The tree below an input root. Invariant: nothing in a tree leads out of it, by name or by link, and every name stands
 * for one entry; a tree that violates this is rejected before anything is written.
 */
import {
  badField,
  checkPathBytes,
  NAME_BYTES_MAX,
  requireMessage,
  soundDigest,
  utf8Bytes,
} from '../cas/action-messages.ts';
import { type DirectoryMessage, MESSAGES } from '../cas/codec.ts';
import { MESSAGE_ENTRIES_MAX } from '../cas/entry-limit.ts';
import { messageOf, RunnerError } from '../kernel/errors.ts';
import type { ContentStore } from '../model/content-store.ts';
import { missingBlobsOf } from '../model/content-store.ts';
import type { Cancellable } from '../model/cancellation.ts';
import { digestKey, type Digest } from '../model/digest.ts';
import { isConfinedLink } from '../model/confined-path.ts';
import { isPending, type MaybePromise, orElse, whenThere } from '../model/maybe-promise.ts';

/** The error of a blob in the place of a directory that is none. */
export class NoDirectoryError extends RunnerError {
  readonly digest: Digest;

  constructor(digest: Digest, cause: unknown) {
    super('RUNNER_BAD_MESSAGE', `blob ${digestKey(digest)} is no directory: ${messageOf(cause)}`, { cause });
    this.digest = digest;
  }
}

function decodedDirectory(digest: Digest, bytes: Uint8Array): DirectoryMessage {
  try {
    return MESSAGES.Directory.decode(bytes);
  } catch (error) {
    throw new NoDirectoryError(digest, error);
  }
}

/** A directory found in a tree. */
export interface FoundDirectory {
  readonly digest: Digest;
  readonly message: DirectoryMessage;
}

/** Maximum nesting of directories: what a disk can hold. */
const DEPTH_MAX = 512;

/** Data about a directory alone, without its subdirectories. */
interface Own {
  /** Number of its direct entries. */
  readonly entries: number;
  /** Length of the longest name of a file or link. */
  readonly nameBytes: number;
  readonly inner: readonly { readonly key: string; readonly nameBytes: number }[];
}

/** Data about a directory with everything below it. */
interface Extent {
  readonly entries: number;
  readonly depth: number;
  /** Length of the longest path in it. */
  readonly pathBytes: number;
}

/** Size and depth of a tree once every directory is written at each place where it is referenced. */
class Expansion {
  readonly #directories = new Map<string, Own>();

  add(key: string, own: Own): void {
    this.#directories.set(key, own);
  }

  /** @throws RunnerError `RUNNER_BAD_MESSAGE` if that exceeds what a disk should hold. */
  check(root: string): void {
    const done = new Map<string, Extent>();
    const begun = new Set<string>();
    const stack = [root];
    for (let key = stack.at(-1); key !== undefined; key = stack.at(-1)) {
      const directory = this.#directories.get(key);
      if (directory === undefined || done.has(key)) {
        stack.pop();
      } else if (begun.has(key)) {
        stack.pop();
        done.set(key, expanded(directory, done));
      } else {
        begun.add(key);
        for (const { key: inner } of directory.inner) if (!begun.has(inner)) stack.push(inner);
      }
    }
    const { entries = 0, depth = 0, pathBytes = 0 } = done.get(root) ?? {};
    if (depth > DEPTH_MAX) throw badField('input root', `directories at most ${DEPTH_MAX} deep`, depth);
    if (entries > MESSAGE_ENTRIES_MAX) {
      throw badField('input root', `${MESSAGE_ENTRIES_MAX} entries at most`, entries);
    }
    checkPathBytes('input root', pathBytes);
  }
}

function expanded({ entries, nameBytes, inner }: Own, done: ReadonlyMap<string, Extent>): Extent {
  const extent = { entries, depth: 0, pathBytes: nameBytes };
  for (const { key, nameBytes: bytes } of inner) {
    const below = done.get(key) ?? { entries: 0, depth: 0, pathBytes: 0 };
    extent.entries += below.entries;
    extent.depth = Math.max(extent.depth, 1 + below.depth);
    extent.pathBytes = Math.max(extent.pathBytes, bytes + 1 + below.pathBytes);
  }
  return extent;
}

/** A directory to be read, and how deep it lies at least. */
interface Place {
  readonly digest: Digest;
  readonly depth: number;
}

/**
 * Walks the directories below a root, each once, breadth first. When the walk is complete, the tree is known to be small
 * enough to write: a small tree can reference the same directory so often that writing it would never end.
 */
export class TreeWalk {
  readonly #content: ContentStore;
  readonly #root: string;
  readonly #onMissing: (digest: Digest) => void;
  readonly #cancel: Cancellable | undefined;
  readonly #seen: Set<string>;
  readonly #left: Place[];
  readonly #expansion = new Expansion();
  #walked = 0;
  #entries = 0;

  /** `onMissing` gets the directories that are not stored; they are left out. */
  constructor(
    content: ContentStore,
    root: Digest,
    onMissing: (digest: Digest) => void,
    cancel?: Cancellable,
  ) {
    this.#content = content;
    this.#root = digestKey(root);
    this.#onMissing = onMissing;
    this.#cancel = cancel;
    this.#seen = new Set([this.#root]);
    this.#left = [{ digest: root, depth: 0 }];
  }

  /**
   * The next directory; undefined if that was all.
   *
   * @throws RunnerError `RUNNER_BAD_MESSAGE` for a tree that no disk can hold or that leads out of itself; also rejects.
   */
  next(): MaybePromise<FoundDirectory | undefined> {
    for (let one = this.#step(); one !== undefined; one = this.#step()) {
      const { digest, depth } = one;
      const message = this.#read(digest, depth);
      if (isPending(message)) return this.#afterwards(one, message);
      if (message !== undefined) return this.#add(digest, depth, message);
    }
    this.#expansion.check(this.#root);
    return undefined;
  }

  /** As {@link next}, once this directory has been read. */
  async #afterwards(
    first: Place,
    read: PromiseLike<DirectoryMessage | undefined>,
  ): Promise<FoundDirectory | undefined> {
    let message = await read;
    let place: Place | undefined = first;
    while (message === undefined) {
      place = this.#step();
      if (place === undefined) break;
      message = await this.#read(place.digest, place.depth);
    }
    if (place !== undefined && message !== undefined) return this.#add(place.digest, place.depth, message);
    this.#expansion.check(this.#root);
    return undefined;
  }

  /** Goes on to the next directory that is known, whether it is stored or not. */
  #step(): Place | undefined {
    const place = this.#left[this.#walked];
    if (place === undefined) return undefined;
    this.#walked += 1;
    const { depth } = place;
    if (depth > DEPTH_MAX) throw badField('input root', `directories at most ${DEPTH_MAX} deep`, depth);
    return place;
  }

  /** Undefined if the directory is missing. */
  #read(digest: Digest, depth: number): MaybePromise<DirectoryMessage | undefined> {
    const decode = (bytes: Uint8Array): DirectoryMessage => {
      const message = decodedDirectory(digest, bytes);
      checkDirectory(message, depth);
      return message;
    };
    return orElse(
      () => {
        requireMessage('directory', digest);
        return whenThere(this.#content.read(digest, {}, this.#cancel), decode);
      },
      (error) => {
        if (missingBlobsOf(error) === undefined) throw error;
        this.#onMissing(digest);
        return undefined;
      },
    );
  }

  #add(digest: Digest, depth: number, message: DirectoryMessage): FoundDirectory {
    const own = ownOf(message);
    this.#entries += own.entries;
    if (this.#entries > MESSAGE_ENTRIES_MAX) {
      throw badField('input root', `${MESSAGE_ENTRIES_MAX} entries at most`, this.#entries);
    }
    this.#expansion.add(digestKey(digest), own);
    for (const { digest: inner } of message.directories) {
      const sound = soundDigest('directory.digest', inner);
      const key = digestKey(sound);
      // A directory is first found where it is least deep, which is the strictest limit for its links.
      if (!this.#seen.has(key)) this.#left.push({ digest: sound, depth: depth + 1 });
      this.#seen.add(key);
    }
    return { digest, message };
  }
}

function ownOf({ files, directories, symlinks }: DirectoryMessage): Own {
  let nameBytes = 0;
  for (const { name } of [...files, ...symlinks]) nameBytes = Math.max(nameBytes, utf8Bytes(name));
  return {
    entries: files.length + directories.length + symlinks.length,
    nameBytes,
    inner: directories.map(({ name, digest }) => ({
      key: digestKey(soundDigest('directory.digest', digest)),
      nameBytes: utf8Bytes(name),
    })),
  };
}

/** @throws RunnerError `RUNNER_BAD_MESSAGE` for invalid or repeated names, and for links that lead out of the tree. */
function checkDirectory(message: DirectoryMessage, depth: number): void {
  checkNames(message);
  const { files, symlinks } = message;
  for (const { digest } of files) soundDigest('file.digest', digest);
  for (const { name, target } of symlinks) {
    checkLink(name, 'd/'.repeat(depth) + name, target);
  }
}

/** @throws RunnerError `RUNNER_BAD_MESSAGE` for names that no entry can have, and for repeated ones. */
export function checkNames({ files, directories, symlinks }: DirectoryMessage): void {
  const names = new Set<string>();
  for (const { name } of [...files, ...directories, ...symlinks]) {
    if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) {
      throw badField('directory.name', 'a name without "/"', name);
    }
    if (utf8Bytes(name) > NAME_BYTES_MAX) {
      throw badField('directory.name', `a name of at most ${NAME_BYTES_MAX} bytes`, name);
    }
    if (names.has(name)) throw badField('directory.name', 'each name once', name);
    names.add(name);
  }
}

/**
 * Checks a link that comes from others.
 *
 * @param path where it lies below the input root.
 * @throws RunnerError `RUNNER_BAD_MESSAGE` if it leads out of the input root, or if its target is too long.
 */
export function checkLink(name: string, path: string, target: string): void {
  if (!isConfinedLink(path, target)) {
    throw badField(`symlink ${name}`, 'a target inside the input root', target);
  }
  checkPathBytes(`symlink ${name}`, utf8Bytes(target));
}

/** All blobs of a tree, and those of its directories that are missing. */
export interface TreeBlobs {
  readonly blobs: readonly Digest[];
  readonly missing: readonly Digest[];
}

/** Maximum number of blobs to remember, over all trees; about 200 B each. */
const BLOBS_KEPT = 500_000;

/**
 * Caches which blobs trees consist of: most actions of a build have the same tree as the one before, or one with few
 * changes.
 */
export class TreeIndex {
  readonly #content: ContentStore;
  readonly #known = new Map<string, readonly Digest[]>();
  readonly #blobsKept: number;
  #kept = 0;

  constructor(content: ContentStore, blobsKept: number = BLOBS_KEPT) {
    this.#content = content;
    this.#blobsKept = blobsKept;
  }

  /** Number of blobs remembered. */
  get kept(): number {
    return this.#kept;
  }

  /** Rejects with `RUNNER_BAD_MESSAGE` if the tree leads out of itself. */
  async blobsOf(root: Digest, cancel?: Cancellable): Promise<TreeBlobs> {
    const key = digestKey(root);
    const known = this.#known.get(key);
    if (known !== undefined) {
      // Now the most recently used, which goes last.
      this.#known.delete(key);
      this.#known.set(key, known);
      return { blobs: known, missing: [] };
    }
    const blobs = new Map([[key, root]]);
    const missing: Digest[] = [];
    const walk = new TreeWalk(this.#content, root, (digest) => missing.push(digest), cancel);
    for (let found = await walk.next(); found !== undefined; found = await walk.next()) {
      const { message } = found;
      for (const { digest } of [...message.files, ...message.directories]) {
        if (digest !== null) blobs.set(digestKey(digest), digest);
      }
    }
    const all = [...blobs.values()];
    if (missing.length === 0) this.#keep(key, all);
    return { blobs: all, missing };
  }

  #keep(key: string, blobs: readonly Digest[]): void {
    // Another call may have walked the same tree meanwhile.
    if (blobs.length > this.#blobsKept || this.#known.has(key)) return;
    for (const [oldest, { length }] of this.#known) {
      if (this.#kept + blobs.length <= this.#blobsKept) break;
      this.#known.delete(oldest);
      this.#kept -= length;
    }
    this.#known.set(key, blobs);
    this.#kept += blobs.length;
  }
}
