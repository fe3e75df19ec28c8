// Runs Vitest, or reads the JSON result of a run, and says which tests passed under which numbers. A test
// carries a number (a rule such as R36, a defect such as D4) if its own title or that of a group around it
// starts with it: `R36 D4 a wait that …` carries both. Tests of the zoo carry none: they name its bugs after the
// defects, and prove only that these can be planted.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { projectRoot } from './module-graph.ts';

/** The parts of Vitest's JSON report that are read here. */
export interface TestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
    }[];
  }[];
}

/** One test that passed and carries numbers. */
export interface ProvingTest {
  readonly file: string;
  readonly title: string;
  readonly numbers: readonly string[];
}

/** What a run says. */
export interface TestOutcome {
  readonly passed: number;
  readonly failed: number;
  readonly proving: readonly ProvingTest[];
}

/** Where titles begin with the names of the zoo's bugs. */
const ZOO_TESTS = 'test/zoo/';

/** Runs the whole suite and returns its report; Vitest's own output goes to stderr. */
export function runTests(): TestReport {
  const folder = mkdtempSync(join(tmpdir(), 'dryrunner-results-'));
  try {
    const file = join(folder, 'results.json');
    const vitest = join(projectRoot, 'node_modules', 'vitest', 'vitest.mjs');
    const args = [vitest, 'run', '--reporter=dot', '--reporter=json', `--outputFile.json=${file}`];
    spawnSync(process.execPath, args, { cwd: projectRoot, stdio: ['ignore', 2, 2] });
    return readReport(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Reads the report that `vitest run --reporter=json --outputFile=FILE` wrote. */
export function readReport(file: string): TestReport {
  const report = JSON.parse(readFileSync(file, 'utf8')) as Partial<TestReport>;
  if (!Array.isArray(report.testResults)) {
    throw new Error(`${file}: expected Vitest's JSON report, got an object without testResults`);
  }
  return report as TestReport;
}

/** Sums up a report. A file that failed to load counts as one failure. */
export function summarize(report: TestReport): TestOutcome {
  let passed = 0;
  let failed = 0;
  const proving: ProvingTest[] = [];
  for (const { name, status, assertionResults } of report.testResults) {
    if (status === 'failed' && !assertionResults.some((test) => test.status === 'failed')) failed += 1;
    for (const test of assertionResults) {
      if (test.status === 'failed') failed += 1;
      if (test.status !== 'passed') continue;
      passed += 1;
      const file = name.replace(`${projectRoot}/`, '');
      if (file.startsWith(ZOO_TESTS)) continue;
      const numbers = [...new Set([...test.ancestorTitles, test.title].flatMap(leadingNumbers))];
      if (numbers.length > 0) proving.push({ file, title: test.title, numbers });
    }
  }
  return { passed, failed, proving };
}

/** The numbers that a title starts with. */
export function leadingNumbers(title: string): string[] {
  return /^\s*([RD]\d+[\s,:]+)+/.exec(`${title} `)?.[0].match(/[RD]\d+/g) ?? [];
}
