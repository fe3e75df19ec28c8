/**
 * The methods of the content-addressable storage and of byte streams. Invariants: a read returns a whole and intact
 * blob or fails; no write is acknowledged before it is stored.
 */
import { badField, digestMessage, soundDigest, statusMessage } from '../cas/action-messages.ts';
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
  MESSAGES,
  type QueryWriteStatusResponse,
  type ReadRequest,
  type ReadResponse,
  type StatusMessage,
  type WriteRequest,
  type WriteResponse,
} from '../cas/codec.ts';
import type { Clock } from '../kernel/clock.ts';
import { RPC_CODES } from '../model/action.ts';
import { type ContentStore, MissingBlobsError } from '../model/content-store.ts';
import { digestKey, type Digest } from '../model/digest.ts';
import { formatCount } from '../model/plural.ts';
import { TreeWalk } from './input-tree.ts';
import { type Compression, readResource } from './resource-name.ts';
import { rpcFailure } from './rpc-failure.ts';
import { RpcError, type RpcContext } from './rpc.ts';
import { encodedBytes, PAGE_BYTES, sentBytes } from './sent-bytes.ts';
import { singlePart } from './single-part.ts';
import { Uploads } from './uploads.ts';

/** Compresses and decompresses blobs in transit, in chunks, so that neither side must hold a whole blob. */
export interface BlobCompression {
  readonly names: readonly Exclude<Compression, 'identity'>[];
  compress(name: Compression, chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  /**
   * Fails with `RUNNER_BAD_MESSAGE` for data that is corrupt, truncated, or longer than `bytesMax` when decompressed.
   */
  decompress(
    name: Compression,
    chunks: AsyncIterable<Uint8Array>,
    bytesMax: number,
  ): AsyncIterable<Uint8Array>;
}

/** Collaborators and limits of {@link Blobs}. */
export interface BlobsOptions {
  readonly content: ContentStore;
  readonly clock: Clock;
  /** Name of the server, for the topics of its timers. */
  readonly name: string;
  /** Maximum size of all blobs in one batch. */
  readonly batchBytesMax: number;
  /** Maximum size of one blob. */
  readonly blobBytesMax: number;
  /** An upload that receives nothing for this long is discarded. */
  readonly uploadIdleMs: number;
  readonly compression: BlobCompression | undefined;
}

/** The default limit of gRPC clients for a message. */
const TAKEN_BYTES_MAX = 4 * 1024 * 1024;
/** A directory of this size fits into a page of its own, with the length of the directory and the token of the page. */
const DIRECTORY_BYTES_MAX = TAKEN_BYTES_MAX - 16;
/** How many digests are looked up at a time. */
const PART_DIGESTS = 1_000;
/** Default maximum size of all blobs in one batch. */
export const BATCH_BYTES_MAX = 4_000_000;
/** Room for the fields of a batch besides its blobs: with the default blob limit, every client accepts the message. */
const FIELDS_BYTES_MAX = TAKEN_BYTES_MAX - BATCH_BYTES_MAX;
const OK: Init<StatusMessage> = { code: RPC_CODES.OK, message: '' };

/** The number of each compression in messages. */
export const COMPRESSOR_OF: Readonly<Record<Compression, number>> = {
  identity: COMPRESSORS.IDENTITY,
  zstd: COMPRESSORS.ZSTD,
  deflate: COMPRESSORS.DEFLATE,
};

/** Handles the methods that read and write blobs. */
export class Blobs {
  readonly #options: BlobsOptions;
  readonly #content: ContentStore;
  readonly #uploads: Uploads;

  constructor(options: BlobsOptions) {
    this.#options = options;
    this.#content = options.content;
    this.#uploads = new Uploads({
      ...options,
      check: (digest, compression) => {
        this.#checkSize(digest);
        if (compression !== 'identity') this.#compressionOf(compression);
      },
      decompress: (name, chunks, bytesMax) => this.#compressionOf(name).decompress(name, chunks, bytesMax),
    });
  }

  /** Number of unfinished uploads. */
  get uploads(): number {
    return this.#uploads.size;
  }

  /** Discards all unfinished uploads. */
  close(): void {
    this.#uploads.close();
  }

  async findMissing(
    { blobDigests }: FindMissingBlobsRequest,
    context: RpcContext,
  ): Promise<FindMissingBlobsResponse> {
    const missing = await this.#missingOf(blobDigests, context);
    const bytes = missing.reduce((sum, digest) => sum + encodedBytes(digest), 0);
    // The batch limit does not apply: the answer contains no blobs, and its client may not have raised its limit.
    if (bytes > TAKEN_BYTES_MAX) {
      const expected = `no more missing blobs than an answer of ${TAKEN_BYTES_MAX} B names`;
      throw badField('blob_digests', expected, missing.length);
    }
    return { missingBlobDigests: missing.map(digestMessage) };
  }

  /** In parts, between which the store may give others a turn: a message may have tens of thousands of digests. */
  async #missingOf(
    digests: FindMissingBlobsRequest['blobDigests'],
    context: RpcContext,
  ): Promise<readonly Digest[]> {
    const missing = new Map<string, Digest>();
    for (let at = 0; at < digests.length; at += PART_DIGESTS) {
      const part = digests.slice(at, at + PART_DIGESTS);
      const sound = part.map((digest) => soundDigest('blob_digests', digest));
      for (const one of await this.#content.findMissing(sound, context)) missing.set(digestKey(one), one);
    }
    return [...missing.values()];
  }

  async batchUpdate(
    { requests }: BatchUpdateBlobsRequest,
    context: RpcContext,
  ): Promise<Init<BatchUpdateBlobsResponse>> {
    // The decompressed size counts, even for compressed data.
    const blobs = requests.map(({ data, digest }) => ({
      hash: digest?.hash ?? '',
      sizeBytes: Math.max(data.length, digest?.sizeBytes ?? 0),
    }));
    const room = this.#checkBatch(blobs);
    const responses: { digest: Digest | null; status: Init<StatusMessage> }[] = [];
    for (const { digest, data, compressor } of requests) {
      responses.push({ digest, status: room.fitting(await this.#store(digest, data, compressor, context)) });
    }
    return { responses };
  }

  /** Stores one blob of a batch, and returns its status. */
  async #store(
    digest: Digest | null,
    data: Uint8Array,
    compressor: number,
    context: RpcContext,
  ): Promise<Init<StatusMessage>> {
    try {
      const sound = this.#checkSize(soundDigest('digest', digest));
      const bytes = await this.#decompressed(compressionOf(compressor), data, sound);
      await this.#uploads.withRoom(() => this.#content.write(sound, bytes, context));
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
    const room = this.#checkBatch(sound);
    // Unknown compressors are skipped; naming one is not an error of the client.
    const accepted = acceptableCompressors.map((compressor) => COMPRESSION_NAMES.get(compressor));
    const compression =
      this.#options.compression?.names.find((name) => accepted.includes(name)) ?? 'identity';
    const responses: Init<BatchReadBlobsResponse['responses'][number]>[] = [];
    for (const digest of sound) {
      try {
        const bytes = await this.#content.read(digest, {}, context);
        const data = compression === 'identity' ? bytes : await this.#compressed(compression, bytes);
        // The check of the batch did not account for data that compression makes longer.
        const isShorter = data.length < bytes.length;
        const compressor = COMPRESSOR_OF[isShorter ? compression : 'identity'];
        responses.push({ digest, data: isShorter ? data : bytes, status: OK, compressor });
      } catch (error) {
        responses.push({ digest, status: room.fitting(statusMessage(rpcFailure(error).status)) });
      }
    }
    return { responses };
  }

  /** A page token is the number of directories already returned. */
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
    let bytes = 0;
    let directories: DirectoryMessage[] = [];
    const page = (): GetTreeResponse => {
      const full = { directories, nextPageToken: String(given) };
      directories = [];
      bytes = 0;
      return full;
    };
    const walk = new TreeWalk(this.#content, root, onMissing, context);
    for (let found = await walk.next(); found !== undefined; found = await walk.next()) {
      const { digest, message } = found;
      if (directories.length > 0 && bytes + digest.sizeBytes > PAGE_BYTES) yield page();
      given += 1;
      if (given <= skipped) continue;
      if (digest.sizeBytes > DIRECTORY_BYTES_MAX) {
        const expected = `directories of at most ${DIRECTORY_BYTES_MAX} B each, which fit into a message`;
        throw new RpcError('INVALID_ARGUMENT', `root_digest: expected ${expected}, got ${digestKey(digest)}`);
      }
      directories.push(message);
      bytes += digest.sizeBytes;
      if (directories.length === pageSize) yield page();
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
    if (compression !== 'identity' && readLimit !== 0) {
      throw badField('read_limit', '0 for a compressed blob', readLimit);
    }
    // A limit beyond the end is one like any other, however large.
    const limit = Math.min(readLimit, digest.sizeBytes);
    const range = { offset: readOffset, ...(readLimit === 0 ? {} : { limit }) };
    const chunks = this.#content.readStream(digest, range, context);
    const sent =
      compression === 'identity' ? chunks : this.#compressionOf(compression).compress(compression, chunks);
    for await (const data of sent) yield { data };
  }

  write(requests: AsyncIterable<WriteRequest>, context: RpcContext): Promise<WriteResponse> {
    return this.#uploads.write(requests, context);
  }

  queryWriteStatus(resourceName: string, context: RpcContext): Promise<QueryWriteStatusResponse> {
    return this.#uploads.queryStatus(resourceName, context);
  }

  /** Checks the size of a batch; returns the room left in its message besides its blobs. */
  #checkBatch(blobs: readonly Digest[]): TextRoom {
    const { batchBytesMax } = this.#options;
    const bytes = blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (bytes > batchBytesMax) throw badField('batch', `${batchBytesMax} B at most`, bytes);
    const messageBytesMax = batchBytesMax + FIELDS_BYTES_MAX;
    const messageBytes = blobs.reduce((sum, blob) => sum + sentBytes(blob), bytes);
    if (messageBytes > messageBytesMax) {
      const expected = `${messageBytesMax} B at most with the fields of its ${formatCount(blobs.length)} blobs`;
      throw badField('batch', expected, messageBytes);
    }
    return new TextRoom(messageBytesMax - messageBytes);
  }

  /** A blob that the store could never hold is refused like one that is too large, so that no client sends it again. */
  #checkSize(digest: Digest): Digest {
    const { sizeBytes } = digest;
    const { blobBytesMax } = this.#options;
    if (sizeBytes > blobBytesMax) throw badField('digest.size_bytes', `${blobBytesMax} B at most`, sizeBytes);
    const { blobBytesMax: storeMax = Infinity } = this.#content;
    if (sizeBytes > storeMax) {
      throw badField(
        'digest.size_bytes',
        `${storeMax} B at most, which the content store can hold`,
        sizeBytes,
      );
    }
    return digest;
  }

  /** @throws RunnerError `RUNNER_BAD_MESSAGE` for a compressor that this server does not support. */
  #compressionOf(name: Compression, field = 'resource_name'): BlobCompression {
    const { compression } = this.#options;
    if (name !== 'identity' && compression?.names.includes(name) === true) return compression;
    throw badField(field, 'a compressor of this server', name);
  }

  async #decompressed(name: Compression, bytes: Uint8Array, { sizeBytes }: Digest): Promise<Uint8Array> {
    if (name === 'identity') return bytes;
    return joined(this.#compressionOf(name, 'compressor').decompress(name, singlePart(bytes), sizeBytes));
  }

  #compressed(name: Compression, bytes: Uint8Array): Promise<Uint8Array> {
    return joined(this.#compressionOf(name).compress(name, singlePart(bytes)));
  }
}

/** Room left for status texts in the message of a batch. */
class TextRoom {
  #bytes: number;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** The status, without its text if that does not fit. */
  fitting({ code, message = '', details = [] }: Init<StatusMessage>): Init<StatusMessage> {
    const bytes = MESSAGES.Status.encode({ message, details }).length;
    if (bytes > this.#bytes) return { code };
    this.#bytes -= bytes;
    return { code, message, details };
  }
}

const COMPRESSION_NAMES: ReadonlyMap<number, Compression> = new Map(
  Object.entries(COMPRESSOR_OF).map(([name, compressor]) => [compressor, name as Compression]),
);

function compressionOf(compressor: number): Compression {
  const name = COMPRESSION_NAMES.get(compressor);
  if (name === undefined) throw badField('compressor', 'a known one', compressor);
  return name;
}

async function joined(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return first;
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
