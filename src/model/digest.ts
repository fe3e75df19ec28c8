/**
 * Names a blob by its content as the Remote Execution API does: SHA-256 and size. Invariant: two digests stand for the
 * same bytes if their texts are equal. Computing a digest is not part of this file.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';

/** The name of a blob: hash and size of its content. */
export interface Digest {
  /** SHA-256 of the bytes, 64 lower-case hexadecimal digits. */
  readonly hash: string;
  /** Size in bytes; −1 in a snapshot id whose author did not know it (R184). */
  readonly sizeBytes: number;
}

const HASH_DIGITS = /^[0-9a-f]{64}$/;
const HASH = is.text('64 lower-case hexadecimal digits', HASH_DIGITS);
/** Argument shape of a {@link Digest}. */
export const DIGEST: is.RecordShape = is.objectOf<Digest>(
  'a digest with hash and sizeBytes',
  { hash: HASH, sizeBytes: is.COUNT },
  {},
);

const DIGESTS = is.listOf(DIGEST, 'a list of digests');

/** As {@link check} with {@link DIGEST}, but sound digests take a faster way: every access to a blob checks one. */
export function checkDigest(argument: string, digest: Digest): void {
  if (!isSound(digest)) check(argument, digest, DIGEST);
}

/** As {@link checkDigest} for a list of them. */
export function checkDigests(argument: string, digests: readonly Digest[]): void {
  if (!areSound(digests)) check(argument, digests, DIGESTS);
}

const { parse } = JSON;
/** The hash found sound last in each slot. An action refers to few blobs, and each reference is checked on the way. */
const SOUND_HASHES: string[] = Array.from({ length: 1_024 }, () => '');

/** True for 64 lower-case hexadecimal digits. */
export function isHash(text: string): boolean {
  if (text.length !== 64) return false;
  const slot = ((text.charCodeAt(0) << 6) ^ (text.charCodeAt(1) << 3) ^ text.charCodeAt(2)) & 1_023;
  if (SOUND_HASHES[slot] === text) return true;
  if (!HASH_DIGITS.test(text)) return false;
  SOUND_HASHES[slot] = copyOf(text);
  return true;
}

/** A text that was cut out of a longer one keeps all of that in memory; a parsed one is a text of its own. */
function copyOf(hash: string): string {
  return parse(`"${hash}"`) as string;
}

/** False also for a list that cannot be read. */
function areSound(digests: unknown): boolean {
  try {
    if (!Array.isArray(digests)) return false;
    for (let at = 0; at < digests.length; at += 1) if (!isSound(digests[at])) return false;
    return true;
  } catch {
    return false;
  }
}

/** True for what {@link DIGEST} allows; false also for what cannot be read. */
function isSound(digest: unknown): boolean {
  try {
    if (!is.isObject(digest)) return false;
    const { hash, sizeBytes } = digest;
    return (
      typeof hash === 'string' &&
      isHash(hash) &&
      typeof sizeBytes === 'number' &&
      sizeBytes >= 0 &&
      Number.isSafeInteger(sizeBytes)
    );
  } catch {
    return false;
  }
}

const DIGEST_TEXT = /^([0-9a-f]{64})\/(\d{1,15})$/;
const BAZEL_SNAPSHOT = /^bz-([^-]{64})-(-1|\d+)$/;

/**
 * Formats a digest as `HASH/SIZE`: a key for maps, and the form shown in messages.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a digest.
 * @example
 * ```ts
 * import { digestOf, formatDigest, parseDigest } from 'dryrunner/remote';
 * const digest = digestOf(new TextEncoder().encode('hello'));
 * console.log(parseDigest(formatDigest(digest))?.sizeBytes); // 5
 * ```
 */
export function formatDigest(digest: Digest): string {
  checkDigest('digest', digest);
  return digestKey(digest);
}

/** As {@link formatDigest} without checks: for digests created in this package or checked before. */
export function digestKey({ hash, sizeBytes }: Digest): string {
  return `${hash}/${sizeBytes}`;
}

/** The first digits of the hash, by which messages for people name a blob. */
export function shortHash({ hash }: Digest): string {
  return hash.slice(0, 8);
}

/** Parses `HASH/SIZE`; undefined if the text is not a digest. See {@link formatDigest}. */
export function parseDigest(text: string): Digest | undefined {
  check('text', text, is.TEXT);
  const [, hash, size] = DIGEST_TEXT.exec(text) ?? [];
  return hash === undefined ? undefined : { hash, sizeBytes: Number(size) };
}

/**
 * The snapshot id of an input root or action: `bz-HASH-SIZE` (R184).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a digest.
 * @example
 * ```ts
 * import { digestOf, snapshotOfDigest } from 'dryrunner/remote';
 * console.log(snapshotOfDigest(digestOf('')).slice(0, 11)); // bz-e3b0c442
 * ```
 */
export function snapshotOfDigest(digest: Digest): string {
  checkDigest('digest', digest);
  return `bz-${digest.hash}-${digest.sizeBytes}`;
}

/**
 * The digest in a snapshot id of exactly three parts, `bz-<64 characters>-<size ≥ −1>`; undefined for all others (R184,
 * D101).
 */
export function digestOfSnapshot(snapshotId: string): Digest | undefined {
  const [, hash, size] = BAZEL_SNAPSHOT.exec(snapshotId) ?? [];
  return hash === undefined ? undefined : { hash, sizeBytes: Number(size) };
}
