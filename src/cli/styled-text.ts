/**
 * Text with styles, before it is written. Characters that Unicode leaves to a program's own use mark where a style
 * begins and ends; the marks become escape sequences when the line is written. Invariant: only `styled` makes marks;
 * nothing else in a text becomes an escape sequence.
 */
import { styleText } from 'node:util';
import { escaped } from '../kernel/one-line.ts';

const STYLES = ['bold', 'dim', 'green', 'red', 'yellow', 'cyan'] as const;

/** Styles in use. */
export type Style = (typeof STYLES)[number];

/** The characters of marks. */
const [FIRST, COUNT] = [0xfdd0, 32];
/** In each mark. Texts of others may contain the same characters, but cannot know this sequence of them. */
const KEY = Array.from({ length: 12 }, () => character(Math.floor(Math.random() * COUNT))).join('');
const END = markOf(STYLES.length);
const MARK = `[${character(0)}-${character(STYLES.length)}]${KEY}`;
const MARKED = new RegExp(
  `([${character(0)}-${character(STYLES.length - 1)}])${KEY}((?:(?!${MARK})[^])*)${END}`,
  'g',
);
/** A mark, or a character that could be part of one. */
const MARK_LIKE = new RegExp(`(${MARK})|[${character(0)}-${character(COUNT - 1)}]`, 'g');

function character(index: number): string {
  return String.fromCharCode(FIRST + index);
}

function markOf(index: number): string {
  return `${character(index)}${KEY}`;
}

/** Marks the text with a style. */
export function styled(style: Style, text: string): string {
  return `${markOf(STYLES.indexOf(style))}${text}${END}`;
}

/** True if a part of the text has a style. */
export function isStyled(text: string): boolean {
  return text.includes(KEY);
}

/** The text without its styles. */
export function withoutStyles(text: string): string {
  return text.replace(MARK_LIKE, (found, mark?: string) => (mark === undefined ? found : ''));
}

/** The text with the escape sequences of its styles. Characters of marks that are in no mark are escaped. */
export function painted(text: string): string {
  const ours = text.replace(MARK_LIKE, (found, mark?: string) => mark ?? escaped(found));
  const whole = ours.replace(MARKED, (_, start: string, part: string) => {
    const style = STYLES[start.charCodeAt(0) - FIRST];
    return style === undefined ? part : styleText(style, part, { validateStream: false });
  });
  return withoutStyles(whole);
}
