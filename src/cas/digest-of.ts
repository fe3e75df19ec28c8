/** Computes the digest of bytes: SHA-256 and size, as the Remote Execution API defines it. */
import { createHash } from 'node:crypto';
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Digest } from '../model/digest.ts';

/**
 * The digest of some content; text is encoded as UTF-8.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but bytes or text.
 * @example
 * ```ts
 * import { digestOf } from 'dryrunner/remote';
 * if (digestOf('').hash.slice(0, 8) !== 'e3b0c442') throw new Error('expected the digest of nothing');
 * ```
 */
export function digestOf(content: string | Uint8Array): Digest {
  check(
    'content',
    content,
    is.satisfying('text or bytes', (value) => typeof value === 'string' || value instanceof Uint8Array),
  );
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return { hash: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.length };
}
