/** How much of a message a blob takes beside its data, for those who must not make one that is too long. */
import type { Digest } from '../model/digest.ts';

/** Numbers and lengths of fields, the size, and the code of a status. */
const FIELDS_BYTES = 40;

/** The room that a blob takes in a message without its data and what a status says, at most. */
export function sentBytes({ hash }: Pick<Digest, 'hash'>): number {
  return hash.length + FIELDS_BYTES;
}
