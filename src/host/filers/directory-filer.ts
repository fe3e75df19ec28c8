/**
 * A filer of content-addressed snapshots of directories. Invariant: an id is the digest of everything that comes back, so the same
 * content has the same id, and a checkout is that content or an error.
 */
import { mkdir, realpath, stat, symlink, readdir, readlink } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { checkOptions } from '../../kernel/argument-check.ts';
import { invalidArgument } from '../../kernel/errors.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';
import { checkAbsolutePath, checkIngestPaths } from '../../filers/filer-arguments.ts';
import { throwIfCancelled, FilerError } from '../../filers/filer-error.ts';
import { DirCheckout, asFilerError, filled, prepareTarget } from './dir-checkout.ts';
import {
  ManifestBuilder,
  isSha256,
  parseManifest,
  type ManifestEntry,
  isConfinedLink,
} from './directory-filer-manifest.ts';
import { ObjectStore } from './directory-filer-store.ts';
import type { DiskFiler } from './disk-filer.ts';
import { createTempDirs, type DiskTempDirs } from './temp-dirs.ts';
import type { Dirent } from 'node:fs';

/** Options of {@link createDirectoryFiler}. */
export interface DirectoryFilerOptions {
  /** The folder that keeps the snapshots; made if it is not there. */
  readonly store: string;
  /** Where checkouts are made. Default: the machine's directory for temporary files. */
  readonly root?: string;
}

class DirectoryFiler implements DiskFiler {
  // A cancelled checkout removes what it has copied so far.
  readonly cancelBoundMs = 5_000;
  readonly updateIntervalMs = 0;
  readonly #store: ObjectStore;
  readonly #dirs: DiskTempDirs;

  constructor({ store, root }: DirectoryFilerOptions) {
    if (typeof store !== 'string' || store === '' || store.includes('\0')) {
      throw invalidArgument('store', 'a path', store);
    }
    this.#store = new ObjectStore(resolve(store));
    this.#dirs = createTempDirs(root === undefined ? {} : { root });
  }

  async checkout(snapshotId: string, cancel?: Cancellable): Promise<DirCheckout> {
    const entries = await this.#entriesOf(snapshotId, cancel);
    const { path } = await this.#dirs.create('checkout');
    return filled(new DirCheckout(path, snapshotId), (dir) => this.#fill(dir, entries, cancel));
  }

  async checkoutAt(snapshotId: string, dir: string, cancel?: Cancellable): Promise<DirCheckout> {
    checkAbsolutePath('dir', dir);
    const entries = await this.#entriesOf(snapshotId, cancel);
    return filled(await prepareTarget(dir, snapshotId), (path) => this.#fill(path, entries, cancel));
  }

  async ingest(path: string, cancel?: Cancellable): Promise<string> {
    checkAbsolutePath('path', path);
    const target = (await isDirectory(path)) ? '' : basename(path);
    return this.ingestMap(new Map([[path, target]]), cancel);
  }

  async ingestMap(paths: ReadonlyMap<string, string>, cancel?: Cancellable): Promise<string> {
    checkIngestPaths(paths);
    throwIfCancelled(cancel, 'ingestion');
    const manifest = new ManifestBuilder();
    try {
      for (const [source, target] of paths) {
        for await (const found of find(source, target)) manifest.add(await this.#stored(found, cancel));
      }
      return await this.#store.putText(manifest.text());
    } catch (error) {
      throw asFilerError(error, 'ingestion failed', EXIT_CODES.BUNDLE_UPLOAD);
    }
  }

  async update(cancel?: Cancellable): Promise<void> {
    throwIfCancelled(cancel, 'update');
  }

  async #entriesOf(snapshotId: string, cancel: Cancellable | undefined): Promise<ManifestEntry[]> {
    if (!isSha256(snapshotId)) {
      throw invalidArgument('snapshotId', 'a SHA-256 in lower-case hexadecimal', snapshotId);
    }
    throwIfCancelled(cancel, 'checkout');
    try {
      return parseManifest(await this.#store.text(snapshotId));
    } catch (error) {
      throw asFilerError(error, `checkout ${snapshotId} failed`, EXIT_CODES.CHECKOUT);
    }
  }

  /** Links come last, so that nothing is ever written through one. */
  async #fill(
    dir: string,
    entries: readonly ManifestEntry[],
    cancel: Cancellable | undefined,
  ): Promise<void> {
    for (const entry of entries) {
      throwIfCancelled(cancel, 'checkout');
      if (entry.kind === 'dir') await mkdir(join(dir, entry.path));
      else if (entry.kind === 'file') await this.#store.copyTo(join(dir, entry.path), entry, cancel);
    }
    for (const entry of entries) {
      if (entry.kind === 'link') await symlink(entry.target, join(dir, entry.path));
    }
    throwIfCancelled(cancel, 'checkout');
  }

  async #stored(found: FoundEntry, cancel: Cancellable | undefined): Promise<ManifestEntry> {
    throwIfCancelled(cancel, 'ingestion');
    if (found.kind !== 'file') return found;
    return { path: found.path, kind: 'file', ...(await this.#store.putFile(found.source, cancel)) };
  }
}

/** What a source gives: a directory its contents, a file itself. The source may be a link, what is in it is taken as it is. */
async function* find(source: string, target: string): AsyncGenerator<FoundEntry> {
  if (await isDirectory(source)) {
    if (target !== '') yield { path: target, kind: 'dir' };
    yield* scanTree(source, target);
    return;
  }
  if (target === '') throw invalidArgument('target path', 'a name for the file', target);
  yield { path: target, kind: 'file', source: await realpath(source) };
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw asFilerError(error, 'ingestion failed', EXIT_CODES.BUNDLE_UPLOAD);
  }
}

/**
 * Makes a filer of directory snapshots: files with their executable bit, directories (empty ones too) and links that stay inside.
 * Ids are SHA-256. Special files, links that could lead out, and names that are not UTF-8 are refused at ingestion.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `store` is no path.
 * @example
 * ```ts
 * import { mkdtemp, rm } from 'node:fs/promises';
 * import { createDirectoryFiler } from 'dryrunner/host';
 * const store = await mkdtemp('/tmp/store-');
 * const filer = createDirectoryFiler({ store });
 * const checkout = await filer.checkout(await filer.ingest('/etc/hostname'));
 * await checkout.release();
 * await rm(store, { recursive: true });
 * ```
 */
export function createDirectoryFiler(options: DirectoryFilerOptions): DiskFiler {
  checkOptions(options);
  return new DirectoryFiler(options);
}

/** Something found, by its path relative to where the walk began. */
export type FoundEntry =
  | { readonly path: string; readonly kind: 'dir' }
  | { readonly path: string; readonly kind: 'file'; readonly source: string }
  | { readonly path: string; readonly kind: 'link'; readonly target: string };

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * All entries below `source`, at paths below `target` ('' for the root), parents first.
 *
 * @throws RunnerError `RUNNER_FILER_FAILED` for a name that is not UTF-8, a link that could lead out of the snapshot, or something
 * that is neither file, directory nor link.
 */
async function* scanTree(source: string, target: string): AsyncGenerator<FoundEntry> {
  const entries = await readdir(Buffer.from(source), { withFileTypes: true, encoding: 'buffer' });
  for (const entry of entries) {
    const name = decodeName(entry.name, source);
    const path = target === '' ? name : `${target}/${name}`;
    const at = join(source, name);
    yield await foundEntry(entry, path, at);
    if (entry.isDirectory()) yield* scanTree(at, path);
  }
}

/**
 * Walks a directory that is to be stored. Invariant: links are read, not followed, and what cannot be kept exactly is refused, not
 * left out.
 */
async function foundEntry(
  entry: Pick<Dirent, 'isFile' | 'isDirectory' | 'isSymbolicLink'>,
  path: string,
  at: string,
): Promise<FoundEntry> {
  if (entry.isDirectory()) return { path, kind: 'dir' };
  if (entry.isFile()) return { path, kind: 'file', source: at };
  if (!entry.isSymbolicLink()) throw refusal(`neither file, directory nor link: ${at}`);
  const target = decodeName(await readlink(at, { encoding: 'buffer' }), at);
  if (!isConfinedLink(path, target)) {
    throw refusal(`link that could lead out of the snapshot: ${at} -> ${target}`);
  }
  return { path, kind: 'link', target };
}

function decodeName(bytes: Uint8Array, where: string): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new FilerError(`name that is not UTF-8 in ${where}`, { cause, exitCode: EXIT_CODES.BUNDLE_UPLOAD });
  }
}

function refusal(message: string): FilerError {
  return new FilerError(message, { exitCode: EXIT_CODES.BUNDLE_UPLOAD });
}
