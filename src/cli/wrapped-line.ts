/**
 * One line of a report as lines that a terminal has room for. Invariant: only blanks are broken at, so that a path, a
 * token or a word stays whole, and no character but blanks is lost.
 */
import { widthOf } from '../kernel/text-width.ts';

/** Of a history, all that stands before the text: `  50 ms ? `. */
const BEFORE_TEXT = /^ *(?:\S+ ms [ ?!] )?/;
/** So much of a line is left for its text, however narrow the terminal. */
const TEXT_MIN = 16;
const INDENT = 2;
/** Other spaces, as those within a number, are part of a word. */
const TRAILING_BLANKS = / +$/;

/**
 * The lines, those after the first indented to where the text of a history begins, or a step further than other text;
 * all in one without a width.
 */
export function wrappedLine(text: string, columns: number | undefined): string[] {
  if (columns === undefined || widthOf(text) <= columns) return [text];
  const [before = ''] = BEFORE_TEXT.exec(text) ?? [];
  const deep = before.trim() === '' ? before.length + INDENT : before.length;
  const indent = ' '.repeat(columns - deep < TEXT_MIN ? INDENT : deep);
  const lines: string[] = [];
  let line = before;
  let isEmpty = true;
  // Blanks belong to the word that they follow, so that those within a line stay as they are.
  for (const word of text.slice(before.length).match(/[^ ]+ */g) ?? []) {
    if (!isEmpty && widthOf(line + word.replace(TRAILING_BLANKS, '')) > columns) {
      lines.push(line.replace(TRAILING_BLANKS, ''));
      line = indent;
    }
    line += word;
    isEmpty = false;
  }
  return [...lines, line.replace(TRAILING_BLANKS, '')];
}
