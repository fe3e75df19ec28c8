/**
 * Blobs in a temporary folder. Invariant: no call works in a folder that others may have made, or may write to: they could
 * lead it to other folders of this user, and read what clients upload.
 */
import type { Cancellable } from '../../model/cancellation.ts';
import type { BlobHold, BlobRange, BlobWriter } from '../../model/content-store.ts';
import type { Digest } from '../../model/digest.ts';
import type { MaybePromise } from '../../model/maybe-promise.ts';
import type { TempFolder } from '../temp-folder.ts';
import type { DiskContentStore } from './disk-content-store.ts';
import { requirePrivateFolder } from './private-folder.ts';

/** A content store that lies in a temporary folder; calls fail with `RUNNER_DISK_FAILED` while there is none. */
export class PrivateContentStore implements DiskContentStore {
  readonly cancelBoundMs: number;
  readonly blobBytesMax?: number;
  readonly #content: DiskContentStore;
  readonly #folder: TempFolder;

  constructor(content: DiskContentStore, folder: TempFolder) {
    this.cancelBoundMs = content.cancelBoundMs;
    if (content.blobBytesMax !== undefined) this.blobBytesMax = content.blobBytesMax;
    this.#content = content;
    this.#folder = folder;
  }

  get sizeBytes(): number {
    return this.#content.sizeBytes;
  }

  async findMissing(digests: readonly Digest[], cancel?: Cancellable): Promise<readonly Digest[]> {
    return this.#safe().findMissing(digests, cancel);
  }

  async read(digest: Digest, range?: BlobRange, cancel?: Cancellable): Promise<Uint8Array> {
    return this.#safe().read(digest, range, cancel);
  }

  async *readStream(digest: Digest, range?: BlobRange, cancel?: Cancellable): AsyncGenerator<Uint8Array> {
    yield* this.#safe().readStream(digest, range, cancel);
  }

  async write(digest: Digest, bytes: Uint8Array, cancel?: Cancellable): Promise<void> {
    await this.#safe().write(digest, bytes, cancel);
  }

  openWrite(digest: Digest): BlobWriter {
    return new PrivateWriter(this.#content.openWrite(digest), this.#folder);
  }

  hold(digests: readonly Digest[]): BlobHold {
    return this.#safe().hold(digests);
  }

  holdAlong(held: Digest, digests: readonly Digest[]): void {
    this.#safe().holdAlong(held, digests);
  }

  close(): void {
    this.#content.close();
  }

  #safe(): DiskContentStore {
    requirePrivateFolder(this.#folder, WHAT);
    return this.#content;
  }
}

class PrivateWriter implements BlobWriter {
  readonly #writer: BlobWriter;
  readonly #folder: TempFolder;

  constructor(writer: BlobWriter, folder: TempFolder) {
    this.#writer = writer;
    this.#folder = folder;
  }

  get committedBytes(): number {
    return this.#writer.committedBytes;
  }

  write(offset: number, chunk: Uint8Array): MaybePromise<void> {
    requirePrivateFolder(this.#folder, WHAT);
    return this.#writer.write(offset, chunk);
  }

  finish(): MaybePromise<void> {
    requirePrivateFolder(this.#folder, WHAT);
    return this.#writer.finish();
  }

  discard(): MaybePromise<void> {
    return this.#writer.discard();
  }
}

const WHAT = 'blobs';
