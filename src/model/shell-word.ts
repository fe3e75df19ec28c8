/** Quotes words for command lines that are printed to be pasted into a shell. */

import { escaped } from '../kernel/one-line.ts';

/** Words of these characters need no quotes. */
const PLAIN = /^[\w./:@%+=,-][\w./:@%+=,#-]*$/;

/** What a terminal would act on, or not show. A line break is pasted as it is. */
const UNSEEN = /(?!\n)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;
const ESCAPED = /['\\\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/**
 * Quotes a text as one word of a POSIX shell. Characters that a terminal would not show are escaped in `$'…'`, which
 * bash and zsh know, and POSIX since 2024.
 */
export function shellWord(text: string): string {
  if (PLAIN.test(text)) return text;
  if (UNSEEN.test(text)) return `$'${text.replace(ESCAPED, escaped)}'`;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
