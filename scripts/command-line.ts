// What the scripts with options share: the help, which is the comment that a script opens with, and the reading of what was given.
import { readFileSync } from 'node:fs';

/** The comment that the file at `url` opens with, as text. */
export function openingComment(url: string): string {
  const lines = readFileSync(new URL(url), 'utf8').split('\n');
  const end = lines.findIndex((line) => !line.startsWith('//'));
  const comment = lines.slice(0, end).map((line) => line.replace(/^\/\/ ?/, ''));
  return `${comment.join('\n')}\n`;
}

/** The value of an option that takes an integer >= 1. */
export function positiveInteger(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new Error(`--${name}: expected an integer >= 1, got ${text}`);
}
