/** Two independent hashes of a text, remembered for texts that come again and again. Invariant: they depend on the text alone. */
import { hashText } from './text-hash.ts';

/** Keeps the words of a text apart from small integers. */
export const TEXT_BASIS = 0x1f83d9ab;
/** Longer texts are not worth a place among the remembered ones. */
const KNOWN_LENGTH_MAX = 128;
const KNOWN_COUNT_MAX = 16_384;

/** What a text adds to a rolling hash. */
export interface TextWords {
  /** `hashText(text)`. */
  readonly high: number;
  readonly low: number;
}

/** A cache of a pure function: what is in it changes the speed and nothing else. */
const known = new Map<string, TextWords>();

/** The words of `text`; remembered, so that asking again costs one look-up. */
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
