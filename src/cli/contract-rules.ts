/** The rules of the contract that a failure names, in the words of docs/contract.md. Invariant: where that page is not there, nothing is said. */
import { readFileSync } from 'node:fs';
import { packageFile } from '../kernel/package-files.ts';

const NUMBERS = /\bR\d{1,3}\b/g;
const RULES = /^- \*\*(R\d{1,3})\*\* \[[^\]]*\] (.*)$/gm;

let rules: ReadonlyMap<string, string> | undefined;

/** `R31 Nothing matches and timeout > 0: …` for each rule that a text names, each once, in the order of naming. */
export function rulesNamedIn(text: string): readonly string[] {
  const numbers = new Set(text.match(NUMBERS));
  if (numbers.size === 0) return [];
  rules ??= rulesOf(contract());
  return [...numbers].flatMap((number) => {
    const rule = rules?.get(number);
    return rule === undefined ? [] : [`${number} ${rule}`];
  });
}

function contract(): string {
  try {
    return readFileSync(packageFile('docs/contract.md'), 'utf8');
  } catch {
    return '';
  }
}

function rulesOf(page: string): ReadonlyMap<string, string> {
  const plain = (text: string): string => text.replaceAll('`', '').replaceAll('**', '');
  return new Map([...page.matchAll(RULES)].map(([, number = '', text = '']) => [number, plain(text)]));
}
