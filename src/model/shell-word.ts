/** Words of a command line, for lines that are printed to be pasted. */

/** Words of these characters mean themselves to a shell. */
const PLAIN = /^[\w./:@%+=,-][\w./:@%+=,#-]*$/;

/** A text as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
