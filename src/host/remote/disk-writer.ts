/**
 * A blob that arrives in parts and becomes a file of a store. Invariants: the file is in the store only once its bytes
 * have matched the digest; whatever else becomes of the writer, it leaves no file and no reserved room.
 */
import * as is from '../../kernel/shape.ts';
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, utimesSync, writeSync } from 'node:fs';
import { check } from '../../kernel/argument-check.ts';
import { RunnerError } from '../../kernel/errors.ts';
import { BLOB_BYTES, type BlobWriter, givenUp, wrongDigest } from '../../model/content-store.ts';
import { digestKey, type Digest } from '../../model/digest.ts';
import { isNothingThere, removeQuietly } from './store-folder.ts';

/** The store's side of a blob that is being written. */
export interface WriterPlace {
  /** Path of the file that is being written. */
  readonly path: string;
  /** Reserves room for that many more bytes and writes them; rejects if there is none. */
  write(bytes: number, write: () => void): Promise<void>;
  free(bytes: number): void;
  /** Calls `move`, which adopts the file; calls it again if it failed for a reason that has gone. */
  moveIn(move: () => void): Promise<void>;
  /** Moves the finished file into the store, with all that is reserved for it. */
  adopt(incoming: string): void;
  ended(): void;
}

/** See the top of the file. */
export class DiskWriter implements BlobWriter {
  committedBytes = 0;
  readonly #digest: Digest;
  readonly #place: WriterPlace;
  readonly #hash: Hash = createHash('sha256');
  /** Bytes reserved in the store, including those on their way to the disk. */
  #reserved = 0;
  #file: number | undefined;
  #isOver = false;
  #finishing: Promise<void> | undefined;
  #isFinished = false;

  constructor(digest: Digest, place: WriterPlace) {
    this.#digest = digest;
    this.#place = place;
  }

  async write(offset: number, chunk: Uint8Array): Promise<void> {
    check('offset', offset, is.COUNT);
    check('chunk', chunk, BLOB_BYTES);
    if (offset !== this.committedBytes || this.#isOver) {
      const message = `expected offset ${this.committedBytes} of a blob that is not finished, got ${offset}`;
      throw new RunnerError('RUNNER_INVALID_ARGUMENT', message, { actual: offset });
    }
    const { sizeBytes } = this.#digest;
    // More bytes than announced can never become the blob, and would fill the disk.
    if (offset + chunk.length > sizeBytes) {
      throw wrongDigest(this.#digest, `${offset + chunk.length} B or more`);
    }
    await this.#place.write(chunk.length, () => this.#add(offset, chunk));
  }

  /**
   * Synchronous, because a write into the system's cache is faster than another thread, and a writer that is ended in the
   * middle must have counted what it wrote. After a failure, the same position is written again.
   */
  #add(offset: number, chunk: Uint8Array): void {
    // It may have been given up while it waited for room.
    if (this.#isOver) throw givenUp(this.#digest);
    this.#file ??= openSync(this.#place.path, 'wx');
    for (let at = 0; at < chunk.length;) {
      at += writeSync(this.#file, chunk, at, chunk.length - at, offset + at);
    }
    this.#reserved += chunk.length;
    this.#hash.update(chunk);
    this.committedBytes += chunk.length;
  }

  finish(): Promise<void> {
    return (this.#finishing ??= this.#finish());
  }

  async #finish(): Promise<void> {
    if (this.#isOver) throw givenUp(this.#digest);
    this.#isOver = true;
    try {
      const actual = `${this.#hash.digest('hex')}/${this.committedBytes}`;
      if (actual !== digestKey(this.#digest)) throw wrongDigest(this.#digest, actual);
      if (this.#file !== undefined) {
        this.#close();
        await this.#place.moveIn(() => {
          this.#touch();
          this.#place.adopt(this.#place.path);
          this.#reserved = 0;
        });
      }
      this.#isFinished = true;
    } finally {
      this.#end();
    }
  }

  /** Its last bytes may have arrived long ago. */
  #touch(): void {
    const nowS = Date.now() / 1_000;
    try {
      utimesSync(this.#place.path, nowS, nowS);
    } catch (error) {
      // In a folder that is made again it would be missing as well.
      if (!isNothingThere(error)) throw error;
      const message = `the folder of the store was removed, and with it what had come of ${digestKey(this.#digest)}`;
      throw new RunnerError('RUNNER_DISK_FAILED', message, { cause: error });
    }
  }

  discard(): void {
    if (!this.#isOver) this.#end();
  }

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #end(): void {
    this.#isOver = true;
    this.#place.ended();
    this.#place.free(this.#reserved);
    this.#close();
    if (!this.#isFinished) removeQuietly(this.#place.path);
  }
}
