/** How much of a message a blob takes beside its data, for those who must not make one that is too long. */
import type { Digest } from '../model/digest.ts';

/** Numbers and lengths of fields, the size, and the code of a status. */
const FIELDS_BYTES = 40;

/** The room that a blob takes in a message without its data and what a status says, at most. */
export function sentBytes({ hash }: Pick<Digest, 'hash'>): number {
  return hash.length + FIELDS_BYTES;
}

/** How long a digest is as a field of a message: its tag and length, and both of its fields. */
export function encodedBytes({ hash, sizeBytes }: Digest): number {
  // Each byte of a varint has seven bits; a size of 0 is left out.
  const sizeLength = sizeBytes === 0 ? 0 : 1 + Math.ceil(sizeBytes.toString(2).length / 7);
  return 2 + 2 + hash.length + sizeLength;
}
