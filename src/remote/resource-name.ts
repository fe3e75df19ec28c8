/** Resource names of blobs in byte streams. */
import { badField, soundDigest } from '../cas/action-messages.ts';
import type { Digest } from '../model/digest.ts';

/** How a blob is compressed in transit. */
export type Compression = 'identity' | 'zstd' | 'deflate';

/** A parsed resource name. */
export interface ResourceName {
  readonly compression: Compression;
  readonly digest: Digest;
}

// Instance names may contain slashes; anything that a client appends to the name of an upload is ignored.
const READ = /^(?:.*\/)?(?:blobs|compressed-blobs\/(zstd|deflate))\/([^/]+)\/(\d+)$/;
const WRITE =
  /^(?:.*\/)?uploads\/[^/]+\/(?:blobs|compressed-blobs\/(zstd|deflate))\/([^/]+)\/(\d+)(?:\/.*)?$/;

/**
 * Parses the name of a blob to read: `[INSTANCE/]blobs/HASH/SIZE`.
 *
 * @throws RunnerError `RUNNER_BAD_MESSAGE`.
 */
export function readResource(name: string): ResourceName {
  return parsed(READ, name, '[INSTANCE/]blobs/HASH/SIZE');
}

/** Parses the name of a blob to write: `[INSTANCE/]uploads/UUID/blobs/HASH/SIZE`. See {@link readResource}. */
export function writeResource(name: string): ResourceName {
  return parsed(WRITE, name, '[INSTANCE/]uploads/UUID/blobs/HASH/SIZE');
}

/** The instance in the name of a blob; empty if it names none. */
export function instanceOfResource(name: string): string {
  const [, instance = ''] = /^(?:(.*?)\/)??(?:uploads\/[^/]+\/)?(?:compressed-)?blobs\//.exec(name) ?? [];
  return instance;
}

function parsed(pattern: RegExp, name: string, expected: string): ResourceName {
  const [found, compression, hash = '', size] = pattern.exec(name) ?? [];
  if (found === undefined) throw badField('resource_name', expected, name);
  return {
    compression: (compression as Compression | undefined) ?? 'identity',
    digest: soundDigest('resource_name', { hash, sizeBytes: Number(size) }),
  };
}
