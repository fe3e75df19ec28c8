/** What in a text may be a name, or a number: by these, events are found that a failure speaks of. */

const WORD = /[\p{L}\p{N}_][\p{L}\p{N}_./-]*/gu;

/** In the order of the text. */
export function nameWords(text: string): readonly string[] {
  return text.match(WORD) ?? [];
}
