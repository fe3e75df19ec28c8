/** Splits a text into words that may be names or numbers, by which the events that a failure mentions are found. */

const WORD = /[\p{L}\p{N}_][\p{L}\p{N}_./-]*/gu;

/** The words, in the order of the text. */
export function nameWords(text: string): readonly string[] {
  return text.match(WORD) ?? [];
}
