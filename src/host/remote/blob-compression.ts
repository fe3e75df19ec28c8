/**
 * Compression of blobs with what this version of Node offers: deflate always, zstd if `node:zlib` has it. Invariants:
 * deflate has no header, as the protocol says (RFC 1951); whatever the size of a blob, only a few chunks of it are in
 * memory, and other threads do the work than the one that answers calls.
 */
import { pipeline, Readable, type Transform } from 'node:stream';
import { constants, createDeflateRaw, createInflateRaw, type ZlibOptions } from 'node:zlib';
import * as zlib from 'node:zlib';
import { isRunnerError, messageOf, RunnerError } from '../../kernel/errors.ts';
import type { BlobCompression } from '../../remote/blobs.ts';
import type { Compression } from '../../remote/resource-name.ts';

type Decompressor = Transform & { readonly bytesWritten: number };
type MakeTransform = (options?: ZlibOptions) => Decompressor;
const { createZstdCompress, createZstdDecompress } = zlib as unknown as {
  readonly createZstdCompress?: MakeTransform;
  readonly createZstdDecompress?: MakeTransform;
};
const hasZstd = createZstdCompress !== undefined && createZstdDecompress !== undefined;

/** Chunks of this size fit into one message. */
const chunkSize = 256 * 1024;

function compressor(name: Compression): Transform {
  return name === 'zstd' && createZstdCompress !== undefined
    ? createZstdCompress({ chunkSize })
    : createDeflateRaw({ chunkSize, level: constants.Z_BEST_SPEED });
}

function decompressor(name: Compression): Decompressor {
  return name === 'zstd' && createZstdDecompress !== undefined
    ? createZstdDecompress({ chunkSize })
    : createInflateRaw({ chunkSize });
}

/** Counts the bytes that go by. */
class Counter {
  bytes = 0;

  async *of(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.bytes += chunk.length;
      yield chunk;
    }
  }
}

/** Pipes chunks through a transform; its end and errors propagate. */
async function* through(chunks: AsyncIterable<Uint8Array>, transform: Transform): AsyncGenerator<Uint8Array> {
  // Errors come out of the loop below.
  pipeline(Readable.from(chunks, { highWaterMark: 1 }), transform, () => undefined);
  yield* transform as AsyncIterable<Uint8Array>;
}

/** For {@link createRemoteService}: lets clients that support compressed blobs send and receive them. */
export const BLOB_COMPRESSION: BlobCompression = {
  names: hasZstd ? ['zstd', 'deflate'] : ['deflate'],
  compress: (name, chunks) => through(chunks, compressor(name)),
  async *decompress(name, chunks, bytesMax) {
    let bytes = 0;
    const came = new Counter();
    const transform = decompressor(name);
    try {
      for await (const chunk of through(came.of(chunks), transform)) {
        bytes += chunk.length;
        // Refused before it can fill memory or disk.
        if (bytes > bytesMax) throw tooLong(name, bytesMax);
        yield chunk;
      }
      // Bytes behind the end of the stream, which Node ignores.
      if (came.bytes > transform.bytesWritten) throw notAlone(name, came.bytes - transform.bytesWritten);
    } catch (cause) {
      if (isRunnerError(cause)) throw cause;
      const message = `data: expected ${name} of ${bytesMax} B: ${messageOf(cause)}`;
      throw new RunnerError('RUNNER_BAD_MESSAGE', message, { cause });
    }
  },
};

function notAlone(name: Compression, bytes: number): RunnerError {
  return new RunnerError(
    'RUNNER_BAD_MESSAGE',
    `data: expected ${name} alone, got ${bytes} B or more behind it`,
  );
}

function tooLong(name: Compression, bytesMax: number): RunnerError {
  return new RunnerError('RUNNER_BAD_MESSAGE', `data: expected ${name} of ${bytesMax} B, got more`);
}
