/** The names under which blobs are read and written in a byte stream. */
import { badField, soundDigest } from '../cas/action-messages.ts';
import type { Digest } from '../model/digest.ts';

/** What a blob is compressed with on its way. */
export type Compression = 'identity' | 'zstd' | 'deflate';

/** A name, taken apart. */
export interface ResourceName {
  readonly compression: Compression;
  readonly digest: Digest;
}

// Instances may have names with slashes; whatever a client appends to the name of an upload is its own business.
const READ = /^(?:.*\/)?(?:blobs|compressed-blobs\/(zstd|deflate))\/([^/]+)\/(\d+)$/;
const WRITE =
  /^(?:.*\/)?uploads\/[^/]+\/(?:blobs|compressed-blobs\/(zstd|deflate))\/([^/]+)\/(\d+)(?:\/.*)?$/;

/**
 * The name of a blob that is read: `[INSTANCE/]blobs/HASH/SIZE`.
 *
 * @throws RunnerError `RUNNER_BAD_MESSAGE`.
 */
export function readResource(name: string): ResourceName {
  return parsed(READ, name, '[INSTANCE/]blobs/HASH/SIZE');
}

/** The name of one that is written: `[INSTANCE/]uploads/UUID/blobs/HASH/SIZE`. See {@link readResource}. */
export function writeResource(name: string): ResourceName {
  return parsed(WRITE, name, '[INSTANCE/]uploads/UUID/blobs/HASH/SIZE');
}

function parsed(pattern: RegExp, name: string, expected: string): ResourceName {
  const [found, compression, hash = '', size] = pattern.exec(name) ?? [];
  if (found === undefined) throw badField('resource_name', expected, name);
  return {
    compression: (compression as Compression | undefined) ?? 'identity',
    digest: soundDigest('resource_name', { hash, sizeBytes: Number(size) }),
  };
}
