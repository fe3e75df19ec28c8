// Takes the code out of the documents: fenced blocks of Markdown pages, and the @example parts of doc comments in
// src. A `ts` block opts out of running only with a reason in its info string: ```ts no-run it needs a server.
import { listFiles, listRootFiles, readProjectFile } from '../../scripts/module-graph.ts';

/** One block of code in a document. */
export interface CodeBlock {
  readonly file: string;
  /** The document's line that the code starts on, counted from 1. */
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** Why the block is not run, when its info string says `no-run`; empty if it gives no reason. */
  readonly noRun?: string;
}

/** Where a block is, for titles and messages. */
export function placeOf({ file, line }: CodeBlock): string {
  return `${file}:${line}`;
}

/** The Markdown pages of the project. */
function documentPages(): string[] {
  return [...listRootFiles('.md'), ...listFiles(['docs'], '.md')];
}

/** Every block of the pages, and every example of src. */
export function readCodeBlocks(): CodeBlock[] {
  const pages = documentPages().flatMap((file) => markdownBlocks(file, readProjectFile(file)));
  const examples = listFiles(['src']).flatMap((file) => exampleBlocks(file, readProjectFile(file)));
  return [...pages, ...examples];
}

/** The fenced blocks of a Markdown text. */
export function markdownBlocks(file: string, text: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { fence: string; info: string; line: number; code: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const [, fence = '', info = ''] = /^\s*(`{3,})\s*(.*?)\s*$/.exec(line) ?? [];
    if (open === undefined) {
      if (fence !== '') open = { fence, info, line: index + 2, code: [] };
    } else if (fence === open.fence && info === '') {
      blocks.push(makeBlock(file, open.line, open.info, open.code));
      open = undefined;
    } else open.code.push(line);
  }
  if (open !== undefined) throw new Error(`${file}:${open.line - 1} opens a block that never ends`);
  return blocks;
}

/** The code of the `@example` parts of a source's doc comments, fenced or bare. */
export function exampleBlocks(file: string, text: string): CodeBlock[] {
  return Array.from(text.matchAll(/\/\*\*[\s\S]*?\*\//g)).flatMap(({ 0: comment, index }) => {
    const firstLine = text.slice(0, index).split('\n').length;
    const lines = comment
      .replace(/\*\/$/, '')
      .split('\n')
      .map((line) => line.replace(/^\s*(\/\*\*|\*) ?/, ''));
    return lines.flatMap((line, at) => {
      if (!line.trim().startsWith('@example')) return [];
      const rest = lines.slice(at + 1);
      const end = rest.findIndex((other) => /^\s*@\w+/.test(other) && !isInFence(rest, other));
      const body = end === -1 ? rest : rest.slice(0, end);
      const lineOfBody = firstLine + at + 1;
      const fenced = markdownBlocks(file, body.join('\n'));
      if (fenced.length > 0) return fenced.map((block) => ({ ...block, line: block.line + lineOfBody - 1 }));
      return body.join('').trim() === '' ? [] : [makeBlock(file, lineOfBody, 'ts', body)];
    });
  });
}

function isInFence(lines: readonly string[], line: string): boolean {
  const before = lines.slice(0, lines.indexOf(line));
  return before.filter((other) => other.trim().startsWith('```')).length % 2 === 1;
}

function makeBlock(file: string, line: number, info: string, code: readonly string[]): CodeBlock {
  const [language = '', flag, ...reason] = info.split(/\s+/);
  const block = { file, line, language, code: `${code.join('\n')}\n` };
  return flag === 'no-run' ? { ...block, noRun: reason.join(' ') } : block;
}
