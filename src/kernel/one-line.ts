/**
 * Escapes characters that would break a line, move the cursor or reverse the reading direction. Invariant: a text
 * without such characters is returned unchanged, so escaping a text again has no effect.
 */
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * The text in one line. For names and values of others, which must neither look like a line of ours nor control the
 * terminal. The code that composes a line calls it, so that each part is escaped wherever it comes from.
 */
export function onOneLine(text: string): string {
  return text.replace(/\p{Cc}|\p{Zl}|\p{Zp}|\p{Bidi_Control}/gu, escaped);
}

/** Prose in one line: the line breaks of its source text, with the indentation after them, are blanks. */
export function folded(prose: string): string {
  return onOneLine(prose.trim().replace(/[ \t]*(?:\r?\n[ \t]*)+/g, ' '));
}

/**
 * The text without the colours that assertion libraries add if they find a terminal: a failure must not depend on
 * whether there is one.
 */
export function withoutColours(text: string): string {
  return text.replace(/\u001b\[[\d;]*m/g, '');
}

/** A character as a string literal would show it. */
export function escaped(character: string): string {
  return SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
