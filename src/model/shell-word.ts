/** Quotes words for command lines that are printed to be pasted into a shell. */

/** Words of these characters need no quotes. */
const PLAIN = /^[\w./:@%+=,-][\w./:@%+=,#-]*$/;

/** Quotes a text as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
