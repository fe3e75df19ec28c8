// Reads the index "Where is what" of ARCHITECTURE.md: which files a row names, and which names it says are in them.
import { posix } from 'node:path';
import { isNamed } from './named-paths.ts';

const FOLDER = /^(?:src|test|sims|scripts|docs)\//;
const RELATIVE = /^[a-z][\w*/-]*(?:\.ts|\/)$/;

/** A row of the index. */
export interface IndexRow {
  readonly line: number;
  readonly question: string;
  readonly places: string;
  readonly length: number;
}

/** The rows under the heading, up to the next one of its rank. */
export function indexRows(page: string): IndexRow[] {
  const lines = page.split('\n');
  const first = lines.indexOf('## Where is what') + 1;
  const next = lines.findIndex((text, index) => index >= first && text.startsWith('## '));
  return lines.slice(first, next === -1 ? undefined : next).flatMap((text, index) => {
    const [, question = '', places = ''] = text.split('|').map((cell) => cell.trim());
    const isRow = text.startsWith('| ') && question !== 'question' && !question.startsWith('---');
    return isRow ? [{ line: first + index + 1, question, places, length: text.length }] : [];
  });
}

/** What is wrong with the places of a row: each is a file, a file beside the one before, or a name in the one before. */
export function placeProblems(
  places: string,
  files: readonly string[],
  read: (path: string) => string,
): string[] {
  let last = '';
  const spans = [...places.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);
  const problems = FOLDER.test(spans[0] ?? '') ? [] : ['does not begin with a file'];
  for (const span of spans) {
    if (FOLDER.test(span) || RELATIVE.test(span)) {
      last = FOLDER.test(span) ? span : posix.join(last.endsWith('/') ? last : posix.dirname(last), span);
      if (!isNamed(last, files)) problems.push(`${last} does not exist`);
    } else if (!hasWord(read(last), span.replace(/^\w+\./, ''))) {
      problems.push(`${last} has no ${span}`);
    }
  }
  return problems;
}

function hasWord(text: string, name: string): boolean {
  return new RegExp(`(?<!\\w)${name}(?!\\w)`).test(text);
}
