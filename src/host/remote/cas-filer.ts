/**
 * A filer of input roots: its snapshots are `bz-HASH-SIZE`, directories of a content store. Invariant: a checkout is
 * exactly what its digest says, or fails with an error that names what is missing; no link in it leads outside.
 */
import * as is from '../../kernel/shape.ts';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { DirectoryMessage, FileNode } from '../../cas/codec.ts';
import { ABSOLUTE_PATH, checkIngestPaths, SNAPSHOT_ID } from '../../filers/filer-arguments.ts';
import { FilerError, goneCheckout, throwIfCancelled, unknownSnapshot } from '../../filers/filer-error.ts';
import { GatheredEntries } from '../../filers/gathered-entries.ts';
import { check } from '../../kernel/argument-check.ts';
import { invalidArgument, RunnerError } from '../../kernel/errors.ts';
import { CONTENT_STORE } from '../../model/argument-shapes.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import {
  type ContentStore,
  isOutOfFiles,
  isOutOfRoom,
  MissingBlobsError,
} from '../../model/content-store.ts';
import { digestKey, digestOfSnapshot, type Digest, snapshotOfDigest } from '../../model/digest.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';
import { meaningOf } from '../../model/system-error.ts';
import { TreeWalk } from '../../remote/input-tree.ts';
import { listing, storeTree, unkept, type EntryKind, type TreeSource } from '../../remote/stored-tree.ts';
import { asFilerError, DirCheckout, filled, prepareTarget } from '../filers/dir-checkout.ts';
import type { DiskFiler } from '../filers/disk-filer.ts';
import { createTempDirs, type DiskTempDirs } from '../filers/temp-dirs.ts';
import { isNothingThere } from './store-folder.ts';
import { diskSource, kindAt, storeFile, targetAt } from './stored-tree.ts';
import { giveTurns } from './turns.ts';

/** Options of {@link createCasFiler}. */
export interface CasFilerOptions {
  /** The store that has the blobs. */
  readonly content: ContentStore;
  /** Where checkouts are made. Default: the machine's directory for temporary files. */
  readonly root?: string;
}

const OPTIONS = is.optionsOf<CasFilerOptions>({ content: CONTENT_STORE }, { root: is.text('a path') });

/** Larger files are streamed. */
const SMALL_BYTES = 64 * 1024;

class CasFiler implements DiskFiler {
  // Covers removing what a cancelled checkout has written so far.
  readonly cancelBoundMs = 5_000;
  readonly updateIntervalMs = 0;
  readonly #content: ContentStore;
  readonly #dirs: DiskTempDirs;

  constructor(content: ContentStore, dirs: DiskTempDirs) {
    this.#content = content;
    this.#dirs = dirs;
  }

  async checkout(snapshotId: string, cancel?: Cancellable): Promise<DirCheckout> {
    const digest = rootOf(snapshotId, cancel);
    return blamingRoom(async () => {
      const { path } = await this.#dirs.create('action');
      return filled(new DirCheckout(path, snapshotId), (dir) => this.#fill(dir, digest, cancel));
    });
  }

  async checkoutAt(snapshotId: string, dir: string, cancel?: Cancellable): Promise<DirCheckout> {
    check('dir', dir, ABSOLUTE_PATH);
    const digest = rootOf(snapshotId, cancel);
    return blamingRoom(async () =>
      filled(await prepareTarget(dir, snapshotId), (path) => this.#fill(path, digest, cancel)),
    );
  }

  async ingest(path: string, cancel?: Cancellable): Promise<string> {
    check('path', path, ABSOLUTE_PATH);
    const target = (await kindAt(path)) === 'dir' ? '' : basename(path);
    return this.ingestMap(new Map([[path, target]]), cancel);
  }

  async ingestMap(paths: ReadonlyMap<string, string>, cancel?: Cancellable): Promise<string> {
    checkIngestPaths(paths);
    throwIfCancelled(cancel, 'ingestion');
    try {
      const gathered = new GatheredEntries<FoundEntry>(() => ({ kind: 'dir', at: '' }));
      for (const [source, target] of paths) await gather(gathered, source, target, cancel);
      return snapshotOfDigest((await storeTree(this.#content, sourceOf(gathered.entries), cancel)).digest);
    } catch (error) {
      throw asFilerError(error, 'ingestion failed', EXIT_CODES.BUNDLE_UPLOAD);
    }
  }

  async update(cancel?: Cancellable): Promise<void> {
    throwIfCancelled(cancel, 'update');
  }

  /** Reads and checks each directory once, and writes it wherever it occurs. */
  async #fill(dir: string, root: Digest, cancel: Cancellable | undefined): Promise<void> {
    const messages = new Map<string, DirectoryMessage>();
    const missing = new Map<string, Digest>();
    const onMissing = (digest: Digest): void => void missing.set(digestKey(digest), digest);
    const walk = new TreeWalk(this.#content, root, onMissing, cancel);
    for (let found = await walk.next(); found !== undefined; found = await walk.next()) {
      const { digest, message } = found;
      messages.set(digestKey(digest), message);
    }
    const files = [...messages.values()].flatMap((message) => message.files.map(digestOfFile));
    // Held from the check until the last file is written, so that no blob is evicted in between.
    const hold = this.#content.hold(files);
    try {
      for (const digest of await this.#content.findMissing(files, cancel)) onMissing(digest);
      if (missing.size > 0) throw new MissingBlobsError([...missing.values()]);
      await this.#write(dir, messages, digestKey(root), cancel);
    } catch (error) {
      throw fillError(error);
    } finally {
      hold.release();
    }
  }

  async #write(
    dir: string,
    messages: ReadonlyMap<string, DirectoryMessage>,
    key: string,
    cancel: Cancellable | undefined,
  ): Promise<void> {
    throwIfCancelled(cancel, 'checkout');
    const message = messages.get(key);
    if (message === undefined) return;
    for (const file of message.files) {
      await giveTurns();
      throwIfCancelled(cancel, 'checkout');
      await this.#writeFile(join(dir, file.name), file, cancel);
    }
    for (const { name, target } of message.symlinks) {
      await giveTurns();
      symlinkSync(target, join(dir, name));
    }
    for (const { name, digest } of message.directories) {
      if (digest === null) continue;
      await giveTurns();
      const path = join(dir, name);
      mkdirSync(path);
      await this.#write(path, messages, digestKey(digest), cancel);
    }
  }

  async #writeFile(path: string, file: FileNode, cancel: Cancellable | undefined): Promise<void> {
    const mode = file.isExecutable ? 0o755 : 0o644;
    const digest = digestOfFile(file);
    if (digest.sizeBytes <= SMALL_BYTES) {
      writeFileSync(path, await this.#content.read(digest, {}, cancel), { flag: 'wx', mode });
      return;
    }
    const target = await open(path, 'wx', mode);
    try {
      for await (const chunk of this.#content.readStream(digest, {}, cancel)) await target.appendFile(chunk);
    } finally {
      await target.close();
    }
  }
}

/**
 * A disk that is full may have room again in a moment, and a process other files that it may open: a checkout that fails
 * for such a reason does not count against the health of its runner, as two failed ones in a row would (R81).
 */
async function blamingRoom(checkOut: () => Promise<DirCheckout>): Promise<DirCheckout> {
  try {
    return await checkOut();
  } catch (error) {
    if (!isOutOfRoom(error) && !isOutOfFiles(error)) throw error;
    const cause = error instanceof FilerError ? error.cause : error;
    const what = isOutOfRoom(error) ? 'there is no room for the checkout' : 'the checkout needs more files';
    const exitCode = EXIT_CODES.CHECKOUT_UNCODED;
    throw new FilerError(`${what}: ${meaningOf(cause)}`, { cause: error, exitCode });
  }
}

/** The error of filling a folder. The machine's paths concern no client. */
function fillError(error: unknown): unknown {
  if (error instanceof RunnerError || isOutOfRoom(error) || isOutOfFiles(error)) return error;
  if (isNothingThere(error)) return goneCheckout(error);
  return new FilerError(`the checkout failed: ${meaningOf(error)}`, { cause: error });
}

function rootOf(snapshotId: string, cancel: Cancellable | undefined): Digest {
  check('snapshotId', snapshotId, SNAPSHOT_ID);
  throwIfCancelled(cancel, 'checkout');
  const digest = digestOfSnapshot(snapshotId);
  // Without a known size, no blob can be found.
  if (digest === undefined || digest.sizeBytes < 0) throw unknownSnapshot(snapshotId);
  return digest;
}

function digestOfFile({ digest }: FileNode): Digest {
  if (digest === null) throw invalidArgument('file.digest', 'a digest', null);
  return digest;
}

/** An entry of the disk that is being stored. */
interface FoundEntry {
  readonly kind: EntryKind;
  /** Its path on the disk; '' for a parent that no source gives. */
  readonly at: string;
}

/** Adds what is at a source, of a folder all that is in it. No link is followed. */
async function gather(
  gathered: GatheredEntries<FoundEntry>,
  source: string,
  target: string,
  cancel: Cancellable | undefined,
): Promise<void> {
  const kind = await kindAt(source);
  if (kind !== 'file' && kind !== 'dir') throw unkept(`neither file nor directory: ${source}`);
  gathered.add(target, { kind, at: source });
  if (kind === 'file') return;
  const disk = await diskSource(source, source);
  const gatherIn = async (dir: string): Promise<void> => {
    for (const [name, inner] of await disk.entriesOf(dir)) {
      throwIfCancelled(cancel, 'ingestion');
      const path = dir === '' ? name : `${dir}/${name}`;
      gathered.add(target === '' ? path : `${target}/${path}`, { kind: inner, at: disk.pathOf(path) });
      if (inner === 'dir') await gatherIn(path);
    }
  };
  await gatherIn('');
}

function sourceOf(entries: ReadonlyMap<string, FoundEntry>): TreeSource {
  const at = (path: string): string => entries.get(path)?.at ?? '';
  return {
    entriesOf: listing(entries),
    storeFile: (content, path, cancel) => storeFile(content, at(path), cancel, at(path)),
    targetOf: (path) => targetAt(at(path), at(path)),
  };
}

/**
 * Makes a filer of the input roots of actions, for runs of type `bazel`: give it to a runner under that type, with
 * `createDiskActions`. Snapshots are `bz-HASH-SIZE`, the digests of Directory messages.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid options.
 * @example
 * ```ts
 * import { mkdtemp } from 'node:fs/promises';
 * import { createCasFiler } from 'dryrunner/host';
 * import { createMemoryContentStore } from 'dryrunner/remote';
 * const filer = createCasFiler({ content: createMemoryContentStore() });
 * const id = await filer.ingest('/etc/hostname');
 * if (!id.startsWith('bz-')) throw new Error('expected a digest');
 * const checkout = await filer.checkout(id);
 * await checkout.release();
 * ```
 */
export function createCasFiler(options: CasFilerOptions): DiskFiler {
  check('options', options, OPTIONS);
  const { content, root } = options;
  return casFilerIn(content, createTempDirs(root === undefined ? {} : { root }));
}

/** The filer whose checkouts are made by `dirs`. */
export function casFilerIn(content: ContentStore, dirs: DiskTempDirs): DiskFiler {
  return new CasFiler(content, dirs);
}
