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

/** The module with the rules in the words of the contract, for programs that cannot read the page. */
export const contractRulesModule = {
  path: 'src/model/contract-rules.ts',
  text(): string {
    const rules = readProjectFile(numberedPages.R).matchAll(/^- \*\*(R\d+)\*\* (?:\[[^\]]*\] )?(.*)$/gm);
    const entries = Array.from(rules, ([, number = '', words = '']) => {
      const plain = words
        .replaceAll('`', '')
        .replaceAll('**', '')
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
      return `  ${number}: ${quoted(plain)},\n`;
    });
    return `${HEAD}\nexport const CONTRACT_RULES: Readonly<Record<string, string>> = {\n${entries.join('')}};\n`;
  },
};

const HEAD = `/**
 * The rules of docs/contract.md by number, without its marks: failures quote them where no file can be read. Made by
 * \`npm run rules -- --write\`.
 */`;

/** As the formatter would write it. */
function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  return `${quote}${text.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`)}${quote}`;
}
