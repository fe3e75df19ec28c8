/** One form for what names a scenario on a command line. Invariant: two references that lead to one place are the same text. */
import { relative, resolve } from 'node:path';

/** A reference as it is typed from here, whatever form it was given in; the same on every machine that has the same checkout. */
export function canonicalReference(reference: string): string {
  return relative('', resolve(reference));
}
