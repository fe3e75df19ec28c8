// Compares output that a document shows with what was really printed. What differs from machine to machine is blanked on both sides: real
// durations, rates, who found it first, hashes, tokens, dates, absolute paths. A line `…` in the document stands for any lines, and `…`
// within a line for any text.
import { expect } from 'vitest';
import type { CodeBlock } from './code-blocks.ts';

/** Whether a `text` block shows the output of a command, in its first line; else it shows that of the `ts` block above. */
export function isCommand({ code }: CodeBlock): boolean {
  return code.startsWith('$ ');
}

/** Blanked from the first to the last, so the longer ones come first. */
const blanks: readonly (readonly [pattern: RegExp, text: string])[] = [
  [/\bdr\d+:[\w.-]+/g, 'dr2:…'],
  [/\b[0-9a-f]{16}\b/g, '#hash'],
  [/\b\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, '#date'],
  [/(?<![\w./])\/[\w.@+-]+\/[^\s:)]+/g, '#path'],
  [/\b\d[\d,.]*\/s\b/g, '#/s'],
  [/\b\d[\d,.]* s\b/g, '# s'],
  [/\b(found in execution )[\d,]+(.*) by \w+$/gm, '$1#$2 by #'],
  [/\b(in )[\d,]+( executions?\b)/g, '$1#$2'],
];

/** The text without what may differ from machine to machine, nor space at the ends of its lines. */
export function blanked(text: string): string {
  const short = blanks.reduce((before, [pattern, blank]) => before.replace(pattern, blank), text);
  return short.replace(/[ \t]+$/gm, '').trim();
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Whether `printed` is what the document shows. */
export function isShown(shown: string, printed: string): boolean {
  const source = blanked(shown)
    .split('\n')
    .map((line) => {
      if (line.trim() === '…') return '(?:.*\\n)*?';
      return `${line.split('…').map(literal).join('.*')}\\n`;
    })
    .join('');
  return new RegExp(`^${source}$`).test(`${blanked(printed)}\n`);
}

/** A failed comparison shows both sides whole. */
export function expectShown(text: string, printed: string): void {
  if (!isShown(text, printed)) expect(blanked(printed)).toBe(blanked(text));
}
