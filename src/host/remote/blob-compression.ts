/** Compression of blobs with what this version of Node has: deflate everywhere, zstd where `node:zlib` knows it. */
import { constants, deflateSync, inflateSync } from 'node:zlib';
import * as zlib from 'node:zlib';
import { messageOf, RunnerError } from '../../kernel/errors.ts';
import type { BlobCompression } from '../../remote/blobs.ts';

type Zstd = (bytes: Uint8Array, options?: object) => Buffer;
const { zstdCompressSync, zstdDecompressSync } = zlib as unknown as {
  readonly zstdCompressSync?: Zstd;
  readonly zstdDecompressSync?: Zstd;
};
const hasZstd = zstdCompressSync !== undefined && zstdDecompressSync !== undefined;

/** For {@link createRemoteService}: clients that offer compressed blobs send and get them. */
export const BLOB_COMPRESSION: BlobCompression = {
  names: hasZstd ? ['zstd', 'deflate'] : ['deflate'],
  compress: (name, bytes) =>
    name === 'zstd' && zstdCompressSync !== undefined
      ? zstdCompressSync(bytes)
      : deflateSync(bytes, { level: constants.Z_BEST_SPEED }),
  decompress(name, bytes, bytesMax) {
    // More than was announced is refused before it fills the memory.
    const options = { maxOutputLength: Math.max(1, bytesMax) };
    try {
      return name === 'zstd' && zstdDecompressSync !== undefined
        ? zstdDecompressSync(bytes, options)
        : inflateSync(bytes, options);
    } catch (cause) {
      throw new RunnerError(
        'RUNNER_BAD_MESSAGE',
        `data: expected ${name} of ${bytesMax} B: ${messageOf(cause)}`,
        { cause },
      );
    }
  },
};
