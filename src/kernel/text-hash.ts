/**
 * A fixed 32-bit hash of text. Invariant: it depends on the UTF-16 code units alone, so that seeds mean the same
 * everywhere.
 */

/** The start value of a text hash, which is combined with its basis; the next constant is the factor of each step. */
export const TEXT_START = 0x811c9dc5;
export const TEXT_STEP = 0x9e3779b1;

/** Hashes `text`; different `basis` values give independent hashes. */
export function hashText(text: string, basis: number = 0): number {
  let hash = basis ^ TEXT_START;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), TEXT_STEP);
    hash ^= hash >>> 15;
  }
  return mixBits(hash ^ text.length);
}

/** Spreads every bit of a 32-bit integer over all 32 bits; a bijection (Ettinger's lowbias32). */
export function mixBits(bits: number): number {
  let x = bits;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return x ^ (x >>> 15);
}
