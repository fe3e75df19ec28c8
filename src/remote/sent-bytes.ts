/** How many bytes blobs and digests add to a message, for code that must keep a message within a limit. */
import type { Digest } from '../model/digest.ts';

/** Bytes of a page of an answer, unless one entry alone is larger; keeps it far below the limit of a message. */
export const PAGE_BYTES = 1_000_000;
/** Field numbers and lengths, the size, and the status code. */
const FIELDS_BYTES = 40;

/** Maximum number of bytes that a blob adds to a message, without its data and the text of its status. */
export function sentBytes({ hash }: Pick<Digest, 'hash'>): number {
  return hash.length + FIELDS_BYTES;
}

/** Encoded length of a digest field: its tag and length, and its two fields. */
export function encodedBytes({ hash, sizeBytes }: Digest): number {
  // Each byte of a varint has seven bits; a size of 0 is omitted.
  const sizeLength = sizeBytes === 0 ? 0 : 1 + Math.ceil(sizeBytes.toString(2).length / 7);
  return 2 + 2 + hash.length + sizeLength;
}
