/** Splits a text into words that may be names or numbers, by which the events that a failure mentions are found. */

/** Marks that end a sentence or a clause are no part of the word before them. */
const WORD = /[\p{L}\p{N}_](?:[\p{L}\p{N}_./-]*[\p{L}\p{N}_])?/gu;

const DIGIT = /\d/;

/** True for a word with a number in it: lines that recur differ in nothing else. */
export function hasNumber(word: string): boolean {
  return DIGIT.test(word);
}

/** The words, in the order of the text. */
export function nameWords(text: string): readonly string[] {
  return text.match(WORD) ?? [];
}
