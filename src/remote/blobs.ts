/**
 * The methods of the content-addressable storage and of byte streams. Invariants: a blob is read whole and sound or not at all; a write that
 * breaks off can go on where it was; nothing is answered before it is stored.
 */
import { badField, soundDigest, statusMessage } from '../cas/action-messages.ts';
import {
  type BatchReadBlobsRequest,
  type BatchReadBlobsResponse,
  type BatchUpdateBlobsRequest,
  type BatchUpdateBlobsResponse,
  COMPRESSORS,
  type DirectoryMessage,
  type FindMissingBlobsRequest,
  type FindMissingBlobsResponse,
  type GetTreeRequest,
  type GetTreeResponse,
  type Init,
  type QueryWriteStatusResponse,
  type ReadRequest,
  type ReadResponse,
  type StatusMessage,
  type WriteRequest,
  type WriteResponse,
} from '../cas/codec.ts';
import type { Clock } from '../kernel/clock.ts';
import { RPC_CODES } from '../model/action.ts';
import { type BlobWriter, type ContentStore, MissingBlobsError } from '../model/content-store.ts';
import { digestKey, type Digest } from '../model/digest.ts';
import { walkTree } from './input-tree.ts';
import { type Compression, readResource, type ResourceName, writeResource } from './resource-name.ts';
import { rpcFailure } from './rpc-failure.ts';
import { RpcError, type RpcContext } from './rpc.ts';

/** Compresses and decompresses what is on its way. */
export interface BlobCompression {
  readonly names: readonly Exclude<Compression, 'identity'>[];
  compress(name: Compression, bytes: Uint8Array): Uint8Array;
  /** Rejects what would become longer than `bytesMax`. */
  decompress(name: Compression, bytes: Uint8Array, bytesMax: number): Uint8Array;
}

/** What the blob methods are made of. */
export interface BlobsOptions {
  readonly content: ContentStore;
  readonly clock: Clock;
  /** Of all blobs in one batch. */
  readonly batchBytesMax: number;
  /** Of one blob. */
  readonly blobBytesMax: number;
  readonly compression: BlobCompression | undefined;
}

/** A write that is under way, or broke off. */
interface Upload {
  readonly writer: BlobWriter;
  isBusy: boolean;
}

/** How many writes that broke off are kept for those who come back; the oldest is forgotten for a new one. */
const UPLOADS_KEPT = 1_024;
/** Tree pages: far below what a message may have. */
const PAGE_ENTRIES = 2_000;
/** A compressed blob is compressed and decompressed as a whole, in memory. */
const COMPRESSED_BYTES_MAX = 64 * 1024 * 1024;
const OK: Init<StatusMessage> = { code: RPC_CODES.OK, message: '' };

/** See above. */
export class Blobs {
  readonly #options: BlobsOptions;
  readonly #content: ContentStore;
  readonly #uploads = new Map<string, Upload>();

  constructor(options: BlobsOptions) {
    this.#options = options;
    this.#content = options.content;
  }

  async findMissing(
    { blobDigests }: FindMissingBlobsRequest,
    context: RpcContext,
  ): Promise<FindMissingBlobsResponse> {
    const digests = blobDigests.map((digest) => soundDigest('blob_digests', digest));
    return { missingBlobDigests: await this.#content.findMissing(digests, context) };
  }

  async batchUpdate(
    { requests }: BatchUpdateBlobsRequest,
    context: RpcContext,
  ): Promise<Init<BatchUpdateBlobsResponse>> {
    // What it becomes counts, not what it was compressed to.
    this.#checkBatch(requests.map(({ data, digest }) => Math.max(data.length, digest?.sizeBytes ?? 0)));
    const responses: { digest: Digest | null; status: Init<StatusMessage> }[] = [];
    for (const { digest, data, compressor } of requests) {
      responses.push({ digest, status: await this.#store(digest, data, compressor, context) });
    }
    return { responses };
  }

  /** How it went with one blob of several. */
  async #store(
    digest: Digest | null,
    data: Uint8Array,
    compressor: number,
    context: RpcContext,
  ): Promise<Init<StatusMessage>> {
    try {
      const sound = this.#checkSize(soundDigest('digest', digest));
      await this.#content.write(sound, this.#decompressed(compressionOf(compressor), data, sound), context);
      return OK;
    } catch (error) {
      return statusMessage(rpcFailure(error).status);
    }
  }

  async batchRead(
    { digests, acceptableCompressors }: BatchReadBlobsRequest,
    context: RpcContext,
  ): Promise<Init<BatchReadBlobsResponse>> {
    const sound = digests.map((digest) => soundDigest('digests', digest));
    this.#checkBatch(sound.map(({ sizeBytes }) => sizeBytes));
    // Those that are not known are of no use here, and no fault of a client that knows them.
    const accepted = acceptableCompressors.map((compressor) => COMPRESSION_NAMES[compressor]);
    const compression =
      this.#options.compression?.names.find((name) => accepted.includes(name)) ?? 'identity';
    const responses: Init<BatchReadBlobsResponse['responses'][number]>[] = [];
    for (const digest of sound) {
      try {
        const data = this.#compressed(compression, await this.#content.read(digest, {}, context));
        responses.push({ digest, data, status: OK, compressor: COMPRESSORS[upper(compression)] });
      } catch (error) {
        responses.push({ digest, status: statusMessage(rpcFailure(error).status) });
      }
    }
    return { responses };
  }

  /** A page token is how many directories have been given. */
  async *getTree(
    { rootDigest, pageSize, pageToken }: GetTreeRequest,
    context: RpcContext,
  ): AsyncGenerator<GetTreeResponse> {
    const root = soundDigest('root_digest', rootDigest);
    const skipped = pageToken === '' ? 0 : Number(pageToken);
    if (!Number.isSafeInteger(skipped) || skipped < 0) {
      throw badField('page_token', 'one of this server', pageToken);
    }
    if (pageSize < 0) throw badField('page_size', 'a number, 0 or more', pageSize);
    const onMissing = (digest: Digest): void => {
      if (digestKey(digest) === digestKey(root)) throw new MissingBlobsError([digest]);
    };
    let given = 0;
    let entries = 0;
    let directories: DirectoryMessage[] = [];
    for await (const { message } of walkTree(this.#content, root, onMissing, context)) {
      given += 1;
      if (given <= skipped) continue;
      directories.push(message);
      entries += 1 + message.files.length + message.directories.length;
      if (entries < PAGE_ENTRIES && directories.length !== pageSize) continue;
      yield { directories, nextPageToken: String(given) };
      directories = [];
      entries = 0;
    }
    yield { directories, nextPageToken: '' };
  }

  async *read(
    { resourceName, readOffset, readLimit }: ReadRequest,
    context: RpcContext,
  ): AsyncGenerator<ReadResponse> {
    const { digest, compression } = readResource(resourceName);
    if (readLimit < 0) throw badField('read_limit', 'a number of bytes, 0 or more', readLimit);
    if (readOffset < 0 || readOffset > digest.sizeBytes) {
      throw new RpcError('OUT_OF_RANGE', `read_offset: expected 0 to ${digest.sizeBytes}, got ${readOffset}`);
    }
    this.#checkCompression(compression, digest);
    if (compression !== 'identity') {
      if (readLimit !== 0) throw badField('read_limit', '0 for a compressed blob', readLimit);
      const bytes = await this.#content.read(digest, { offset: readOffset }, context);
      yield* pieces(this.#compressed(compression, bytes));
      return;
    }
    const range = { offset: readOffset, ...(readLimit === 0 ? {} : { limit: readLimit }) };
    for await (const data of this.#content.readStream(digest, range, context)) yield { data };
  }

  async write(requests: AsyncIterable<WriteRequest>, context: RpcContext): Promise<WriteResponse> {
    let stream: WriteStream | undefined;
    try {
      for await (const request of requests) {
        stream ??= await this.#beginWrite(request, context);
        const committedSize = await stream.take(request);
        if (committedSize !== undefined) return { committedSize };
      }
    } finally {
      stream?.leave();
    }
    if (stream === undefined) throw badField('resource_name', 'a first message that names a blob', '');
    // Broken off by the client: it can ask how far it came, and go on.
    return { committedSize: stream.committedBytes };
  }

  async #beginWrite(request: WriteRequest, context: RpcContext): Promise<WriteStream> {
    const resource = writeResource(request.resourceName);
    const digest = this.#checkSize(resource.digest);
    this.#checkCompression(resource.compression, digest);
    const missing = await this.#content.findMissing([digest], context);
    if (missing.length === 0) return doneStream(digest.sizeBytes);
    if (resource.compression !== 'identity') return this.#compressedStream(resource, context);
    return this.#plainStream(request, digest);
  }

  async #plainStream({ resourceName, writeOffset }: WriteRequest, digest: Digest): Promise<WriteStream> {
    let upload = this.#uploads.get(resourceName);
    if (upload?.isBusy === true) {
      throw new RpcError('ABORTED', `${resourceName} is being written by another call`);
    }
    if (upload !== undefined && writeOffset === 0) {
      // Who begins anew, has forgotten how far it came.
      this.#uploads.delete(resourceName);
      await upload.writer.discard();
      upload = undefined;
    }
    upload ??= this.#newUpload(resourceName, digest);
    upload.isBusy = true;
    return new PlainStream(upload, resourceName, () => this.#uploads.delete(resourceName));
  }

  #newUpload(name: string, digest: Digest): Upload {
    for (const [other, { writer, isBusy }] of this.#uploads) {
      if (this.#uploads.size < UPLOADS_KEPT) break;
      if (isBusy) continue;
      this.#uploads.delete(other);
      void Promise.resolve(writer.discard()).catch(() => undefined);
    }
    const upload = { writer: this.#content.openWrite(digest), isBusy: false };
    this.#uploads.set(name, upload);
    return upload;
  }

  /** Kept whole until its end: what has been decompressed so far is of no use to anybody. */
  #compressedStream({ compression, digest }: ResourceName, context: RpcContext): WriteStream {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    return {
      get committedBytes() {
        return 0;
      },
      take: async ({ writeOffset, finishWrite, data }) => {
        checkOffset(writeOffset, bytes);
        bytes += data.length;
        // Incompressible data becomes a little longer.
        if (bytes > digest.sizeBytes * 1.01 + 4_096) {
          throw badField('data', 'fewer bytes than the blob has', bytes);
        }
        parts.push(data);
        if (!finishWrite) return undefined;
        await this.#content.write(digest, this.#decompressed(compression, joined(parts), digest), context);
        return bytes;
      },
      leave: () => undefined,
    };
  }

  async queryWriteStatus(resourceName: string, context: RpcContext): Promise<QueryWriteStatusResponse> {
    const { digest } = writeResource(resourceName);
    const missing = await this.#content.findMissing([digest], context);
    if (missing.length === 0) return { committedSize: digest.sizeBytes, complete: true };
    return { committedSize: this.#uploads.get(resourceName)?.writer.committedBytes ?? 0, complete: false };
  }

  #checkBatch(sizes: readonly number[]): void {
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    const { batchBytesMax } = this.#options;
    if (bytes > batchBytesMax) throw badField('batch', `${batchBytesMax} B at most`, bytes);
  }

  #checkSize(digest: Digest): Digest {
    const { blobBytesMax } = this.#options;
    if (digest.sizeBytes > blobBytesMax) {
      throw badField('digest.size_bytes', `${blobBytesMax} B at most`, digest.sizeBytes);
    }
    return digest;
  }

  #checkCompression(name: Compression, { sizeBytes }: Digest): void {
    if (name === 'identity') return;
    if (this.#options.compression?.names.includes(name) !== true) {
      throw badField('resource_name', 'a compressor of this server', name);
    }
    if (sizeBytes <= COMPRESSED_BYTES_MAX) return;
    throw badField('digest.size_bytes', `${COMPRESSED_BYTES_MAX} B at most for a compressed blob`, sizeBytes);
  }

  #decompressed(name: Compression, bytes: Uint8Array, digest: Digest): Uint8Array {
    this.#checkCompression(name, digest);
    const { compression } = this.#options;
    return name === 'identity' || compression === undefined
      ? bytes
      : compression.decompress(name, bytes, digest.sizeBytes);
  }

  #compressed(name: Compression, bytes: Uint8Array): Uint8Array {
    const { compression } = this.#options;
    return name === 'identity' || compression === undefined ? bytes : compression.compress(name, bytes);
  }
}

/** One call of Write. */
interface WriteStream {
  readonly committedBytes: number;
  /** Gives the answer once nothing more is needed. */
  take(request: WriteRequest): Promise<number | undefined>;
  /** The call is over. */
  leave(): void;
}

/** The blob is there already: whatever else the client has to say of it. */
function doneStream(committedBytes: number): WriteStream {
  return { committedBytes, take: async () => committedBytes, leave: () => undefined };
}

class PlainStream implements WriteStream {
  readonly #upload: Upload;
  readonly #name: string;
  readonly #forget: () => void;

  constructor(upload: Upload, name: string, forget: () => void) {
    this.#upload = upload;
    this.#name = name;
    this.#forget = forget;
  }

  get committedBytes(): number {
    return this.#upload.writer.committedBytes;
  }

  async take({ resourceName, writeOffset, finishWrite, data }: WriteRequest): Promise<number | undefined> {
    if (resourceName !== '' && resourceName !== this.#name) {
      throw badField('resource_name', 'the same in all messages of a call', resourceName);
    }
    const { writer } = this.#upload;
    checkOffset(writeOffset, writer.committedBytes);
    try {
      if (data.length > 0) await writer.write(writeOffset, data);
      if (!finishWrite) return undefined;
      await writer.finish();
    } catch (error) {
      // Bytes that do not fit cannot be gone on with.
      this.#forget();
      await writer.discard();
      throw error;
    }
    this.#forget();
    return writer.committedBytes;
  }

  leave(): void {
    this.#upload.isBusy = false;
  }
}

function checkOffset(offset: number, committed: number): void {
  if (offset === committed) return;
  throw badField('write_offset', `${committed}, where the bytes that came before end`, offset);
}

const COMPRESSION_NAMES: readonly Compression[] = ['identity', 'zstd', 'deflate'];

function compressionOf(compressor: number): Compression {
  const name = COMPRESSION_NAMES[compressor];
  if (name === undefined) throw badField('compressor', 'a known one', compressor);
  return name;
}

function upper(name: Compression): keyof typeof COMPRESSORS {
  return name === 'identity' ? 'IDENTITY' : name === 'zstd' ? 'ZSTD' : 'DEFLATE';
}

const PIECE_BYTES = 256 * 1024;

function* pieces(bytes: Uint8Array): Generator<ReadResponse> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield { data: bytes.subarray(at, at + PIECE_BYTES) };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
