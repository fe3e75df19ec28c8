/** Two independent hashes of a text, cached for texts that recur. Invariant: they depend on the text alone. */
import { hashText } from './text-hash.ts';

/** Distinguishes the words of a text from small integers. */
export const TEXT_BASIS = 0x1f83d9ab;
/** Longer texts are not cached. */
const KNOWN_LENGTH_MAX = 128;
const KNOWN_COUNT_MAX = 16_384;

/** The two words that a text adds to a rolling hash. */
export interface TextWords {
  /** `hashText(text)`. */
  readonly high: number;
  readonly low: number;
}

/** A cache of a pure function: its content affects speed only. */
const known = new Map<string, TextWords>();

/** The words of `text`; cached, so that the next call costs one look-up. */
export function textWords(text: string): TextWords {
  if (text.length > KNOWN_LENGTH_MAX) return makeWords(text);
  const words = known.get(text);
  return words ?? remember(text);
}

function remember(text: string): TextWords {
  if (known.size >= KNOWN_COUNT_MAX) known.clear();
  const words = makeWords(text);
  known.set(text, words);
  return words;
}

function makeWords(text: string): TextWords {
  return { high: hashText(text), low: hashText(text, TEXT_BASIS) };
}
