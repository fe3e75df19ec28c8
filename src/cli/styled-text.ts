/**
 * Text with styles, before it is written. Styles are marked by characters that Unicode leaves to a program's own use, and become escape
 * sequences when the line is written. Invariant: no escape sequence that stands in a text becomes one of ours.
 */
import { styleText } from 'node:util';

const STYLES = ['bold', 'dim', 'green', 'red', 'yellow', 'cyan'] as const;

/** Styles in use. */
export type Style = (typeof STYLES)[number];

const FIRST = 0xfdd0;
const END = String.fromCharCode(FIRST + STYLES.length);
const MARKED = /([\ufdd0-\ufdd5])([^\ufdd0-\ufdd6]*)\ufdd6/g;
const MARK = /[\ufdd0-\ufdd6]/;
const MARKS = new RegExp(MARK, 'g');

/** Marks the text with a style. */
export function styled(style: Style, text: string): string {
  return `${String.fromCharCode(FIRST + STYLES.indexOf(style))}${text}${END}`;
}

/** True if a part of the text has a style. */
export function isStyled(text: string): boolean {
  return MARK.test(text);
}

/** The text without its styles. */
export function withoutStyles(text: string): string {
  return text.replace(MARKS, '');
}

/** The text with the escape sequences of its styles. */
export function painted(text: string): string {
  const whole = text.replace(MARKED, (_, mark: string, part: string) => {
    const style = STYLES[mark.charCodeAt(0) - FIRST];
    return style === undefined ? part : styleText(style, part, { validateStream: false });
  });
  return withoutStyles(whole);
}
