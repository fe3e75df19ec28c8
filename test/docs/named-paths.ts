// Which paths of the project the pages name in code spans: whole ones anywhere, and names of files alone in the pages for maintainers.
import { listFiles } from '../../scripts/module-graph.ts';

const WHOLE = /^(?:\.ci|src|test|sims|scripts|docs|fixtures)\/[\w.*/-]*$/;
const NAME = /^[a-z][\w*-]*\.ts$/;

/** A path that a line of a page names. */
export interface NamedPath {
  readonly line: number;
  /** As it stands there; `*` stands for any letters. */
  readonly text: string;
}

/** The paths in the code spans of a page, but for its blocks of code. */
export function namedPaths(page: string, takesNames: boolean): NamedPath[] {
  let isCode = false;
  return page.split('\n').flatMap((text, index) => {
    if (/^\s*```/.test(text)) isCode = !isCode;
    if (isCode) return [];
    const spans = [...text.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);
    return spans
      .filter((span) => WHOLE.test(span) || (takesNames && NAME.test(span)))
      .map((span) => ({ line: index + 1, text: span }));
  });
}

/** Whether a file or folder of the project is called so; words in capitals stand for any name. */
export function isNamed(text: string, files: readonly string[]): boolean {
  const wanted = text
    .replace(/\/$/, '')
    .replaceAll('.', '\\.')
    .replace(/\*|\b[A-Z]+\b/g, '[^/]*');
  const pattern = new RegExp(`${WHOLE.test(text) ? '^' : '(?:^|/)'}${wanted}(?:/|$)`);
  return files.some((file) => pattern.test(file));
}

/** The files that pages speak of. */
export function projectFiles(): string[] {
  return listFiles(['.ci', 'src', 'test', 'sims', 'scripts', 'docs', 'fixtures'], '');
}
