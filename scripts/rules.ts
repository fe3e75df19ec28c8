// Lists each rule of docs/contract.md with the passing tests that carry its number.
//   --defects           each defect of docs/defects.md instead
//   --results FILE      reads a finished run instead of making one
//   --missing           leaves out those that have a test
//   --json              one object for programs
//   --write             runs no test: writes src/model/contract-rules.ts, from which failures quote the rules, after a change of
//                       docs/contract.md
//   --help              this text
// Exits 1 while one has no test, 2 on wrong usage.
import { writeFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs, styleText } from 'node:util';
import { endOfWrongUse, optionsOrEnd } from './command-line.ts';
import { contractRulesModule, definedNumbers, exemptDefects } from './numbered-pages.ts';
import { readReport, runTests, summarize } from './test-results.ts';
import type { ProvingTest } from './test-results.ts';

interface Row {
  readonly number: string;
  readonly tests: readonly ProvingTest[];
  /** Why no test can exist, from the section of docs/defects.md. */
  readonly exemption?: string;
}

function collectRows(proving: readonly ProvingTest[], defects: boolean): Row[] {
  const exempt = defects ? exemptDefects() : new Map<string, string>();
  return definedNumbers(defects ? 'D' : 'R').map((number) => {
    const tests = proving.filter(({ numbers }) => numbers.includes(number));
    const exemption = exempt.get(number);
    return exemption === undefined ? { number, tests } : { number, tests, exemption };
  });
}

function describeRow({ number, tests, exemption }: Row): string {
  const [first] = tests;
  const label = number.padEnd(5);
  if (first !== undefined) {
    const count = String(tests.length).padStart(4);
    const files = [...new Set(tests.map(({ file }) => file.replace(/^test\//, '')))];
    const more = files.length > 1 ? ` +${files.length - 1}` : '';
    return `${label}${count}  ${files[0] ?? ''}${more}  ${first.title}`;
  }
  if (exemption !== undefined) return `${label}   –  cannot exist here: ${exemption}`;
  return styleText('red', `${label}   0  NO TEST`);
}

const clip = (line: string, width: number): string =>
  line.length > width ? `${line.slice(0, width - 1)}…` : line;

function options() {
  const { values } = parseArgs({
    options: {
      results: { type: 'string' },
      defects: { type: 'boolean', default: false },
      missing: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return values;
}

const values = optionsOrEnd(import.meta.url, options);

function main(): void {
  if (values.write) {
    writeFileSync(contractRulesModule.path, contractRulesModule.text());
    return;
  }
  const outcome = summarize(values.results === undefined ? runTests() : readReport(values.results));
  const rows = collectRows(outcome.proving, values.defects);
  const missing = rows.filter(({ tests, exemption }) => tests.length === 0 && exemption === undefined);
  const { passed, failed } = outcome;
  if (values.json) {
    console.log(JSON.stringify({ rows, missing: missing.map(({ number }) => number), passed, failed }));
  } else {
    const width = process.stdout.isTTY ? process.stdout.columns : 160;
    if (!values.missing) for (const row of rows) console.log(clip(describeRow(row), width));
    const kind = values.defects ? 'defects' : 'rules';
    console.log(
      `${rows.length} ${kind}, ${missing.length} without a test; ${passed} tests passed, ${failed} failed`,
    );
    if (missing.length > 0) console.log(`without: ${missing.map(({ number }) => number).join(' ')}`);
  }
  process.exitCode = missing.length === 0 ? 0 : 1;
}

try {
  main();
} catch (error) {
  endOfWrongUse(import.meta.url, error);
}
