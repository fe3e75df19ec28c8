// Reads the pages whose items have numbers: docs/contract.md with the rules, docs/defects.md with the defects and
// the reasons why some of them need no test. Items look like `- **R1** …`.
import { readProjectFile } from './module-graph.ts';

/** The two kinds of number, and the page that defines each. */
const numberedPages = { R: 'docs/contract.md', D: 'docs/defects.md' } as const;

/** `R` for rules, `D` for defects. */
export type NumberKind = keyof typeof numberedPages;

/** The numbers that the kind's page defines, in rising order. */
export function definedNumbers(kind: NumberKind): string[] {
  const item = new RegExp(`^- \\*\\*${kind}(\\d+)\\*\\* `, 'gm');
  const values = Array.from(readProjectFile(numberedPages[kind]).matchAll(item), ([, value]) =>
    Number(value),
  );
  return [...new Set(values)].sort((a, b) => a - b).map((value) => `${kind}${value}`);
}

/** The defects that no test can show here, each with the reason that docs/defects.md gives. */
export function exemptDefects(): Map<string, string> {
  const page = readProjectFile(numberedPages.D);
  const section = page.split(/^## /m).find((part) => part.startsWith('Cannot exist here')) ?? '';
  const items = section.matchAll(/^- \*\*(D\d+)\*\* (.+)$/gm);
  return new Map(Array.from(items, ([, number, reason]) => [number ?? '', reason ?? '']));
}
