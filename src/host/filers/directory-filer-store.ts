/**
 * Objects on the disk, named by the SHA-256 of their bytes. Invariant: an object appears whole or not at all, and bytes that do not
 * fit their name never leave the store unnoticed. What a process that crashed left half written is removed once nobody can be writing it.
 */
import { createHash, randomBytes } from 'node:crypto';
import { lstat, open, readdir, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { FilerError, throwIfCancelled, unknownSnapshot } from '../../filers/filer-error.ts';
import type { Cancellable } from '../../model/cancellation.ts';
import { EXIT_CODES } from '../../model/exit-code.ts';
import { makeFolder } from '../make-folder.ts';
import { NotRegularError, openRegularFile } from '../regular-file.ts';
import type { RegularFile } from '../regular-file.ts';

/** What is known of a stored file. */
export interface StoredFile {
  readonly sha256: string;
  readonly bytes: number;
  readonly executable: boolean;
}

const CHUNK_BYTES = 65_536;
/** Far more than the list of a snapshot needs that can be checked out in reasonable time: about a million entries. */
const TEXT_BYTES_MAX = 256 * 1024 * 1024;
/**
 * Who writes touches its file with every chunk, so that one as old as this was given up. No process id shows that as well: a store may be
 * shared by machines and containers.
 */
const STALE_MS = 24 * 60 * 60 * 1_000;
const TOO_MANY_ENTRIES = `the manifest of a snapshot has more than ${TEXT_BYTES_MAX / 1024 / 1024} MiB`;

/** A folder of objects; made with the first of them. */
export class ObjectStore {
  readonly #root: string;
  #swept: Promise<void> | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /** Stores a file as it is at the time of reading. Rejects if it is no regular file. */
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

  /** Stores a text and gives its name. */
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

  /** The text of an object. Rejects with `RUNNER_UNKNOWN_SNAPSHOT`, or `RUNNER_FILER_FAILED` if it is corrupted. */
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
      // Before anything is copied: what lies there may fill the disk.
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

  /** Anybody who can write to the store can put a pipe there, which nobody may wait for. */
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
   * Always renames into place, so that an object that was damaged on the disk is healed by storing it again. Nothing is forced to
   * the disk: what a loss of power takes is noticed when it is read.
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

/** Removes what was given up half written. What cannot be looked at or removed takes room, and harms nobody. */
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

/** Copies all bytes and digests them on the way; looks at the cancellation before each chunk. */
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
