/**
 * What lies below an input root. Invariant: nothing in a tree leads out of it, by name or by link, and every name stands for one thing;
 * a tree that breaks this is refused before anything of it is written.
 */
import { badField, soundDigest } from '../cas/action-messages.ts';
import { type DirectoryMessage, MESSAGES } from '../cas/codec.ts';
import type { ContentStore } from '../model/content-store.ts';
import { missingBlobsOf } from '../model/content-store.ts';
import type { Cancellable } from '../model/cancellation.ts';
import { digestKey, type Digest } from '../model/digest.ts';
import { isConfinedLink } from '../filers/filer-arguments.ts';

/** A directory of a tree, as far as it is there. */
export interface FoundDirectory {
  readonly digest: Digest;
  readonly message: DirectoryMessage;
}

/** More than any build has, and few enough to hold. */
const ENTRIES_MAX = 1_000_000;
/** Directories in directories: what a disk can hold. */
const DEPTH_MAX = 512;

/**
 * Walks the directories below `root`, each once, breadth first; `onMissing` gets those that are not there.
 *
 * @throws RunnerError `RUNNER_BAD_MESSAGE` for a directory that no disk can hold or that leads out of the tree.
 */
export async function* walkTree(
  content: ContentStore,
  root: Digest,
  onMissing: (digest: Digest) => void,
  cancel?: Cancellable,
): AsyncGenerator<FoundDirectory> {
  const seen = new Set([digestKey(root)]);
  let level: { readonly digest: Digest; readonly depth: number }[] = [{ digest: root, depth: 0 }];
  let entries = 0;
  while (level.length > 0) {
    const next: typeof level = [];
    for (const { digest, depth } of level) {
      const message = await directoryAt(content, digest, depth, onMissing, cancel);
      if (message === undefined) continue;
      entries += message.files.length + message.directories.length + message.symlinks.length;
      if (entries > ENTRIES_MAX) throw badField('input root', `${ENTRIES_MAX} entries at most`, entries);
      yield { digest, message };
      for (const { digest: inner } of message.directories) {
        const sound = soundDigest('directory.digest', inner);
        const key = digestKey(sound);
        // A link can climb as far as its directory lies deep at least: the first place where one is found is the least deep.
        if (!seen.has(key)) next.push({ digest: sound, depth: depth + 1 });
        seen.add(key);
      }
    }
    if (next.length > 0 && (next[0]?.depth ?? 0) > DEPTH_MAX) {
      throw badField('input root', `directories at most ${DEPTH_MAX} deep`, next[0]?.depth);
    }
    level = next;
  }
}

async function directoryAt(
  content: ContentStore,
  digest: Digest,
  depth: number,
  onMissing: (digest: Digest) => void,
  cancel: Cancellable | undefined,
): Promise<DirectoryMessage | undefined> {
  try {
    const message = MESSAGES.Directory.decode(await content.read(digest, {}, cancel));
    checkDirectory(message, depth);
    return message;
  } catch (error) {
    if (missingBlobsOf(error) === undefined) throw error;
    onMissing(digest);
    return undefined;
  }
}

/** @throws RunnerError `RUNNER_BAD_MESSAGE` for names that are no plain names or come twice, and for links that lead out. */
function checkDirectory({ files, directories, symlinks }: DirectoryMessage, depth: number): void {
  const names = new Set<string>();
  for (const { name } of [...files, ...directories, ...symlinks]) {
    if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) {
      throw badField('directory.name', 'a name without "/"', name);
    }
    if (names.has(name)) throw badField('directory.name', 'each name once', name);
    names.add(name);
  }
  for (const { digest } of files) soundDigest('file.digest', digest);
  for (const { name, target } of symlinks) {
    const path = 'd/'.repeat(depth) + name;
    if (!isConfinedLink(path, target)) {
      throw badField(`symlink ${name}`, 'a target inside the input root', target);
    }
  }
}

/** All blobs of a tree, and which of its directories are not there. */
export interface TreeBlobs {
  readonly blobs: readonly Digest[];
  readonly missing: readonly Digest[];
}

/** How many trees are remembered. */
const TREES_KEPT = 1_024;

/** Knows which blobs trees are made of: most actions of a build have the same one, or the one before with little changed. */
export class TreeIndex {
  readonly #content: ContentStore;
  readonly #known = new Map<string, readonly Digest[]>();

  constructor(content: ContentStore) {
    this.#content = content;
  }

  /** Rejects with `RUNNER_BAD_MESSAGE` if the tree leads out of itself. */
  async blobsOf(root: Digest, cancel?: Cancellable): Promise<TreeBlobs> {
    const key = digestKey(root);
    const known = this.#known.get(key);
    if (known !== undefined) return { blobs: known, missing: [] };
    const blobs = new Map([[key, root]]);
    const missing: Digest[] = [];
    for await (const { message } of walkTree(this.#content, root, (digest) => missing.push(digest), cancel)) {
      for (const { digest } of [...message.files, ...message.directories]) {
        if (digest !== null) blobs.set(digestKey(digest), digest);
      }
    }
    const all = [...blobs.values()];
    if (missing.length === 0) this.#keep(key, all);
    return { blobs: all, missing };
  }

  #keep(key: string, blobs: readonly Digest[]): void {
    const [oldest] = this.#known.keys();
    if (this.#known.size >= TREES_KEPT && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(key, blobs);
  }
}
