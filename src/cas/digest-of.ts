/** Computes the digest of bytes: SHA-256 and size, as the Remote Execution API defines it. */
import { hash } from 'node:crypto';
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Digest } from '../model/digest.ts';

const CONTENT = is.satisfying(
  'text or bytes',
  (value) => typeof value === 'string' || value instanceof Uint8Array,
);
const encoder = new TextEncoder();

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
  check('content', content, CONTENT);
  const bytes = typeof content === 'string' ? encoder.encode(content) : content;
  return { hash: hash('sha256', bytes, 'hex'), sizeBytes: bytes.length };
}
