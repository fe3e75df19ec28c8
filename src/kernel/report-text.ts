/**
 * Texts of others in a report: in one line, and without words that would flood it, such as a name of 10,000
 * characters. Invariant: tokens, and words with a slash or a backslash (paths and addresses), stay whole, because a
 * reader copies them.
 */
import { onOneLine } from './one-line.ts';

const LENGTH_MAX = 200;
const BEGINNING = 120;
const END = 40;
const LONG_WORD = new RegExp(`\\S{${LENGTH_MAX + 1},}`, 'gu');
const COPIED = /^dr\d+:|[/\\]/;

/**
 * The text in one line, with the middle of each word of more than 200 characters left out:
 * `aaa…(9840 characters)…zzz`.
 */
export function reportText(text: string): string {
  // A cut must not go through an escaped character, so the words are shortened first.
  return onOneLine(withShortWords(text));
}

function withShortWords(text: string): string {
  if (text.length <= LENGTH_MAX) return text;
  return text.replace(LONG_WORD, (word) => {
    if (COPIED.test(word)) return word;
    const characters = [...word];
    const left = characters.length - BEGINNING - END;
    return `${characters.slice(0, BEGINNING).join('')}…(${left} characters)…${characters.slice(-END).join('')}`;
  });
}
