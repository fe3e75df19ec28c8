/**
 * A filer of content-addressed snapshots of directories. Invariant: an id is the digest of everything that a checkout
 * restores, so the same content has the same id, and a checkout restores exactly that content or fails.
 */
import * as is from '../../kernel/shape.ts';
import { describeValue, invalidArgument } from '../../kernel/errors.ts';
import { FilerError, throwIfCancelled, unknownSnapshot } from '../../filers/filer-error.ts';
import { ABSOLUTE_PATH, checkIngestPaths } from '../../filers/filer-arguments.ts';
import { GatheredEntries } from '../../filers/gathered-entries.ts';
import { isConfinedLink, isPathBelow } from '../../model/confined-path.ts';
import { createHash, randomBytes } from 'node:crypto';
import {
  lstat,
  open,
  readdir,
  rename,
  rm,
  type FileHandle,
  mkdir,
  realpath,
  stat,
  symlink,
  readlink,
} from 'node:fs/promises';
import { join, basename, resolve } from 'node:path';
import type { Cancellable } from '../../model/cancellation.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';
import { makeFolder } from '../make-folder.ts';
import { NotRegularError, openRegularFile, type RegularFile } from '../regular-file.ts';
import { check } from '../../kernel/argument-check.ts';
import { DirCheckout, asFilerError, filled, prepareTarget } from './dir-checkout.ts';
import type { DiskFiler } from './disk-filer.ts';
import { createTempDirs, type DiskTempDirs } from './temp-dirs.ts';
import type { Dirent } from 'node:fs';

/** An entry of a manifest; paths are relative, with `/` between segments. */
export type ManifestEntry =
  | { readonly path: string; readonly kind: 'dir' }
  | {
      readonly path: string;
      readonly kind: 'file';
      readonly sha256: string;
      readonly bytes: number;
      readonly executable: boolean;
    }
  | { readonly path: string; readonly kind: 'link'; readonly target: string };

const FORMAT = 'dryrunner-snapshot';
const VERSION = 1;
const SHA256 = /^[0-9a-f]{64}$/;

/** True for the id of a snapshot or object: a SHA-256 in lower-case hexadecimal. */
function isSha256(id: unknown): id is string {
  return typeof id === 'string' && SHA256.test(id);
}

/**
 * Builds a manifest: the canonical list of a snapshot's entries. A directory may be added twice, anything else only
 * once; parents are added automatically. Invariant: the same content gives the same text, and a list that was accepted
 * stays inside the directory it is written to, links included.
 */
export class ManifestBuilder {
  readonly #gathered = new GatheredEntries<ManifestEntry>((path) => ({ path, kind: 'dir' }));

  /** @throws RunnerError `RUNNER_INVALID_ARGUMENT` if another entry has that path. */
  add(entry: ManifestEntry): void {
    this.#gathered.add(entry.path, entry);
  }

  /** The canonical text: entries sorted by path. */
  text(): string {
    const entries = [...this.#gathered.entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    return `${JSON.stringify({ format: FORMAT, version: VERSION, entries })}\n`;
  }
}

/**
 * Parses a manifest, and validates every part of it.
 *
 * @throws RunnerError `RUNNER_FILER_FAILED`.
 */
export function parseManifest(text: string): ManifestEntry[] {
  const { format, version, entries } = parseJson(text);
  if (format !== FORMAT || version !== VERSION || !Array.isArray(entries)) {
    throw new FilerError('not the manifest of a snapshot that this version reads');
  }
  const sound: ManifestEntry[] = [];
  const dirs = new Set(['']);
  let last = '';
  for (const entry of entries as unknown[]) {
    if (!isSound(entry) || entry.path <= last || !dirs.has(parentOf(entry.path))) {
      throw new FilerError(`the manifest of a snapshot has an entry that cannot be: ${shownEntry(entry)}`);
    }
    last = entry.path;
    if (entry.kind === 'dir') dirs.add(entry.path);
    sound.push(entry);
  }
  return sound;
}

/** A short text for any value, without looking into it. */
function shownEntry(entry: unknown): string {
  const { path, kind } = (entry ?? {}) as Readonly<Record<string, unknown>>;
  return typeof path === 'string'
    ? `${describeValue(path)}, kind ${describeValue(kind)}`
    : describeValue(entry);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function parseJson(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch (cause) {
    throw new FilerError('the manifest of a snapshot is not JSON', { cause });
  }
}

function isSound(entry: unknown): entry is ManifestEntry {
  if (typeof entry !== 'object' || entry === null) return false;
  const { path, kind, sha256, bytes, executable, target } = entry as Record<string, unknown>;
  if (typeof path !== 'string' || !isPathBelow(path)) return false;
  if (kind === 'dir') return true;
  if (kind === 'file') {
    return (
      isSha256(sha256) && Number.isSafeInteger(bytes) && Number(bytes) >= 0 && typeof executable === 'boolean'
    );
  }
  return kind === 'link' && typeof target === 'string' && isConfinedLink(path, target);
}

/** The metadata of a stored file. */
export interface StoredFile {
  readonly sha256: string;
  readonly bytes: number;
  readonly executable: boolean;
}

const CHUNK_BYTES = 65_536;
/** Enough for about a million entries: far more than a snapshot has that can be checked out in reasonable time. */
const TEXT_BYTES_MAX = 256 * 1024 * 1024;
/**
 * A writer touches its file with every chunk, so a file as old as this was abandoned. A process id would not show that,
 * because machines and containers may share a store.
 */
const STALE_MS = 24 * 60 * 60 * 1_000;
const TOO_MANY_ENTRIES = `the manifest of a snapshot has more than ${TEXT_BYTES_MAX / 1024 / 1024} MiB`;

/**
 * Objects on the disk, named by the SHA-256 of their bytes. Invariant: an object appears complete or not at all, and
 * bytes that do not match their name are always noticed when they are read. Files that a crashed process left half
 * written are removed once no process can still be writing them.
 */
export class ObjectStore {
  readonly #root: string;
  #swept: Promise<void> | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /** Stores a file's content as of now. Rejects unless it is a regular file. */
  async putFile(path: string, cancel: Cancellable | undefined): Promise<StoredFile> {
    const source = await openRegularFile(path).catch((cause: unknown) => {
      if (!(cause instanceof NotRegularError)) throw cause;
      throw new FilerError(`not a regular file: ${path}`, { cause, exitCode: EXIT_CODES.BUNDLE_UPLOAD });
    });
    try {
      const { sha256, bytes } = await this.#put((target) => copy(source.file, target, cancel));
      return { sha256, bytes, executable: (source.mode & 0o111) !== 0 };
    } finally {
      await source.file.close();
    }
  }

  /** Stores a text and resolves with its digest. */
  async putText(text: string): Promise<string> {
    const bytes = Buffer.from(text);
    if (bytes.length > TEXT_BYTES_MAX) {
      throw new FilerError(TOO_MANY_ENTRIES, { exitCode: EXIT_CODES.BUNDLE_UPLOAD });
    }
    const { sha256 } = await this.#put(async (target) => {
      await target.writeFile(bytes);
      return { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length };
    });
    return sha256;
  }

  /**
   * The text of an object. Rejects with `RUNNER_UNKNOWN_SNAPSHOT`, or with `RUNNER_FILER_FAILED` if it is corrupted.
   */
  async text(sha256: string): Promise<string> {
    const source = await this.#open(sha256);
    if (source === undefined) throw unknownSnapshot(sha256);
    try {
      if (source.bytes > TEXT_BYTES_MAX) throw new FilerError(TOO_MANY_ENTRIES);
      const bytes = await source.file.readFile();
      if (createHash('sha256').update(bytes).digest('hex') !== sha256) throw corrupted(sha256);
      return bytes.toString();
    } finally {
      await source.file.close();
    }
  }

  /** Copies an object to a new file. Rejects with `RUNNER_FILER_FAILED` if it is missing or corrupted. */
  async copyTo(path: string, wanted: StoredFile, cancel: Cancellable | undefined): Promise<void> {
    const source = await this.#open(wanted.sha256);
    if (source === undefined) throw new FilerError(`object ${wanted.sha256} is missing from the store`);
    try {
      // Checked before copying: a file of the wrong size could fill the disk.
      if (source.bytes !== wanted.bytes) throw corrupted(wanted.sha256);
      const target = await open(path, 'wx', wanted.executable ? 0o755 : 0o644);
      try {
        const { sha256 } = await copy(source.file, target, cancel);
        if (sha256 !== wanted.sha256) throw corrupted(wanted.sha256);
      } finally {
        await target.close();
      }
    } finally {
      await source.file.close();
    }
  }

  /** Opens an object without blocking: anyone who can write to the store could put a pipe there. */
  async #open(sha256: string): Promise<RegularFile | undefined> {
    try {
      return await openRegularFile(this.#pathOf(sha256));
    } catch (error) {
      if (error instanceof NotRegularError) {
        throw new FilerError(`object ${sha256} is not a regular file in the store`, { cause: error });
      }
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /**
   * Always renames into place, so that storing an object again repairs one that was damaged on the disk. Nothing is
   * synced: an object lost to a power failure is noticed when it is read.
   */
  async #put<T extends { readonly sha256: string }>(write: (target: FileHandle) => Promise<T>): Promise<T> {
    const incoming = join(this.#root, 'incoming');
    await makeFolder(incoming);
    await (this.#swept ??= sweep(incoming));
    const path = join(incoming, randomBytes(12).toString('hex'));
    const target = await open(path, 'wx', 0o600);
    try {
      const written = await write(target);
      await target.close();
      const place = this.#pathOf(written.sha256);
      await makeFolder(join(place, '..'));
      await rename(path, place);
      return written;
    } catch (error) {
      await target.close();
      await rm(path, { force: true });
      throw error;
    }
  }

  #pathOf(sha256: string): string {
    return join(this.#root, 'objects', sha256.slice(0, 2), sha256.slice(2));
  }
}

/** Removes abandoned half-written files. One that cannot be examined or removed takes space, but does no harm. */
async function sweep(incoming: string): Promise<void> {
  for (const name of await readdir(incoming).catch(() => [])) {
    const path = join(incoming, name);
    const { mtimeMs } = await lstat(path).catch(() => ({ mtimeMs: Infinity }));
    if (Date.now() - mtimeMs > STALE_MS) {
      await rm(path, { force: true, recursive: true }).catch(() => undefined);
    }
  }
}

function corrupted(sha256: string): FilerError {
  return new FilerError(`object ${sha256} is corrupted in the store`);
}

/** Copies all bytes while computing their digest; checks for cancellation before each chunk. */
async function copy(
  source: FileHandle,
  target: FileHandle,
  cancel: Cancellable | undefined,
): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let bytes = 0; ;) {
    throwIfCancelled(cancel, 'copying');
    const { bytesRead } = await source.read(buffer, 0, buffer.length, bytes);
    if (bytesRead === 0) return { sha256: hash.digest('hex'), bytes };
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    await target.appendFile(chunk);
    bytes += bytesRead;
  }
}

/** Options of {@link createDirectoryFiler}. */
export interface DirectoryFilerOptions {
  /** The folder that keeps the snapshots; made if it is missing. */
  readonly store: string;
  /** Where checkouts are made. Default: the machine's directory for temporary files. */
  readonly root?: string;
}

const DIRECTORY_FILER_OPTIONS = is.optionsOf<DirectoryFilerOptions>(
  { store: is.text('a path', /^[^\0]+$/) },
  { root: is.text('a path') },
);

class DirectoryFiler implements DiskFiler {
  // Covers removing what a cancelled checkout has copied so far.
  readonly cancelBoundMs = 5_000;
  readonly updateIntervalMs = 0;
  readonly #store: ObjectStore;
  readonly #dirs: DiskTempDirs;

  constructor({ store, root }: DirectoryFilerOptions) {
    this.#store = new ObjectStore(resolve(store));
    this.#dirs = createTempDirs(root === undefined ? {} : { root });
  }

  async checkout(snapshotId: string, cancel?: Cancellable): Promise<DirCheckout> {
    const entries = await this.#entriesOf(snapshotId, cancel);
    const { path } = await this.#dirs.create('checkout');
    return filled(new DirCheckout(path, snapshotId), (dir) => this.#fill(dir, entries, cancel));
  }

  async checkoutAt(snapshotId: string, dir: string, cancel?: Cancellable): Promise<DirCheckout> {
    check('dir', dir, ABSOLUTE_PATH);
    const entries = await this.#entriesOf(snapshotId, cancel);
    return filled(await prepareTarget(dir, snapshotId), (path) => this.#fill(path, entries, cancel));
  }

  async ingest(path: string, cancel?: Cancellable): Promise<string> {
    check('path', path, ABSOLUTE_PATH);
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

  /** Writes links last, so that nothing is ever written through one. */
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

/**
 * The entries at a source: of a directory its contents, of a file itself. The source itself may be a link; links inside
 * it are not followed.
 */
async function* find(source: string, target: string): AsyncGenerator<FoundEntry> {
  if (await isDirectory(source)) {
    if (target !== '') yield { path: target, kind: 'dir' };
    yield* scanTree(await realpath(source), target);
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
 * Makes a filer of directory snapshots: files with their executable bit, directories (empty ones too) and links that
 * stay inside. Ids are SHA-256. Ingestion refuses special files, links that could lead out, and names that are not
 * UTF-8.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `store` is not a path.
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
  check('options', options, DIRECTORY_FILER_OPTIONS);
  return new DirectoryFiler(options);
}

/** Something found, by its path relative to the start of the walk. */
export type FoundEntry =
  | { readonly path: string; readonly kind: 'dir' }
  | { readonly path: string; readonly kind: 'file'; readonly source: string }
  | { readonly path: string; readonly kind: 'link'; readonly target: string };

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * All entries below `source`, a real path, at paths below `target` ('' for the root), parents first.
 *
 * @throws RunnerError `RUNNER_FILER_FAILED` for a name that is not UTF-8, a link that could lead out of the snapshot,
 * or something that is neither file, directory nor link.
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
 * Reads one entry of a directory that is being stored. Invariant: links are read, not followed; an entry that cannot be
 * stored exactly is refused, not left out.
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
