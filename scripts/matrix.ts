// The package on every Node and every major of Vitest that it supports, installed as users install it, and how fast it
// is there. Works in a folder of the system's for temporary files, with logs in it, and leaves the checkout as it is.
//   --quick             a part of the suite, fewer seeds, and the benchmark of executions alone
//   --node 20,24        some versions
//   --vitest 5          some majors of Vitest, where they run
//   --only PART,…       some of hashes, packages, suite and bench
//   --json              the report as JSON
//   --help              this text
// Exits 1 if anything failed; a slower figure is marked and fails nothing. Exits 2 on wrong usage.
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { optionsOrEnd } from './command-line.ts';
import { typescriptProject, vitestProject, type ConsumerResult } from './matrix/consumers.ts';
import { installEngine, type Engine } from './matrix/engines.ts';
import {
  isGreen,
  reportText,
  suiteText,
  type FigureRow,
  type HashResult,
  type SuiteResult,
} from './matrix/report.ts';
import { endWithSignals, runStep } from './matrix/step.ts';
import { NODE_MAJORS, OWN_VITEST, TYPESCRIPTS, VITESTS, vitestsOn } from './matrix/versions.ts';
import { makeWorkCopy, pack } from './matrix/work-copy.ts';
import { differingHashes, scenarioHashes, type Hashes } from './scenario-hashes.ts';

const PARTS = ['hashes', 'packages', 'suite', 'bench'];
const QUICK_FOLDERS = ['kernel', 'model', 'store', 'simulation', 'explore'].map((name) => `test/${name}/`);

interface Options {
  readonly majors: readonly number[];
  readonly vitests: readonly number[];
  readonly parts: readonly string[];
  readonly quick: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

function listOf(text: string, known: readonly string[], option: string): string[] {
  const items = text.split(',');
  const unknown = items.find((item) => !known.includes(item));
  if (unknown === undefined) return items;
  throw new Error(`${option}: expected some of ${known.join(', ')}, got ${unknown}`);
}

function options(): Options {
  const { values } = parseArgs({
    options: {
      node: { type: 'string', default: NODE_MAJORS.join(',') },
      vitest: { type: 'string', default: VITESTS.join(',') },
      only: { type: 'string', default: PARTS.join(',') },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { quick, json, help } = values;
  const majors = listOf(values.node, NODE_MAJORS.map(String), '--node').map(Number);
  const vitests = listOf(values.vitest, VITESTS.map(String), '--vitest').map(Number);
  if (!majors.some((major) => vitestsOn(major).some((one) => vitests.includes(one)))) {
    throw new Error(`--vitest: expected one that runs on Node ${values.node}, got ${values.vitest}`);
  }
  return { majors, vitests, parts: listOf(values.only, PARTS, '--only'), quick, json, help };
}

const { majors, vitests, parts, quick, json } = optionsOrEnd(import.meta.url, options);
// Outside of the checkout, or tools would find its configuration from the projects that are made there.
const work = join(tmpdir(), 'dryrunner-matrix');

async function compareHashes(copy: string, engines: readonly Engine[]): Promise<HashResult[]> {
  const results: HashResult[] = [];
  let first: Hashes | undefined;
  for (const { major, program } of engines) {
    process.stderr.write(`hashes on Node ${major}…\n`);
    const hashes = await scenarioHashes({ seeds: quick ? 50 : 500, cwd: copy, node: program });
    process.stderr.write('\n');
    first ??= hashes;
    results.push({ node: major, simulations: hashes.size, differing: differingHashes(first, hashes) });
  }
  return results;
}

async function runSuites(
  copies: ReadonlyMap<number, string>,
  engines: readonly Engine[],
): Promise<SuiteResult[]> {
  const results: SuiteResult[] = [];
  for (const engine of engines) {
    for (const vitest of vitestsOn(engine.major).filter((one) => vitests.includes(one))) {
      const result = await runSuite(copies.get(vitest) as string, engine, vitest);
      // The whole takes hours, and may be ended before its report.
      process.stderr.write(`${suiteText(result)}\n`);
      results.push(result);
    }
  }
  return results;
}

interface JsonTests {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

async function runSuite(
  copy: string,
  { major, program, folder }: Engine,
  vitest: number,
): Promise<SuiteResult> {
  const log = join(work, 'logs', `suite-node-${major}-vitest-${vitest}.log`);
  const results = log.replace(/\.log$/u, '.json');
  const { seconds, output } = await runStep({
    title: `suite on Node ${major} with Vitest ${vitest}`,
    program,
    args: [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--reporter=json',
      `--outputFile.json=${results}`,
      ...(quick ? QUICK_FOLDERS : []),
    ],
    cwd: copy,
    log,
    nodeFolder: folder,
  });
  const none = { node: major, vitest, passed: 0, failed: 1, skipped: 0, seconds };
  if (!existsSync(results)) return { ...none, failures: [output.slice(-1000)] };
  const tests = JSON.parse(readFileSync(results, 'utf8')) as JsonTests;
  const failures = tests.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const titles = assertionResults.flatMap((one) => (one.status === 'failed' ? [one.fullName] : []));
    return status === 'failed' && titles.length === 0 ? [`${name}: ${message}`] : titles;
  });
  const { numPassedTests: passed, numPendingTests: skipped } = tests;
  return { node: major, vitest, passed, failed: failures.length, skipped, seconds, failures };
}

async function tryPackages(copy: string, engines: readonly Engine[]): Promise<ConsumerResult[]> {
  const tarball = await pack(work, copy);
  const results: ConsumerResult[] = [];
  for (const vitest of vitests) {
    const able = engines.filter(({ major }) => vitestsOn(major).includes(vitest));
    if (able.length === 0) continue;
    results.push(...(await vitestProject(work, tarball, vitest, able)));
    for (const typescript of TYPESCRIPTS) {
      results.push(...(await typescriptProject(work, tarball, typescript, vitest, able.at(-1))));
    }
  }
  return results;
}

interface JsonFigure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly goalIs: 'least' | 'most';
}

async function measure(copy: string, engines: readonly Engine[]): Promise<FigureRow[]> {
  const rows = new Map<string, FigureRow & { readonly values: Map<number, number> }>();
  for (const { major, program, folder } of engines) {
    const { output } = await runStep({
      title: `benchmark on Node ${major}`,
      program,
      args: [
        ...['node_modules/tsx/dist/cli.mjs', 'bench/main.ts', '--json', '--rounds', quick ? '1' : '3'],
        ...(quick ? ['--only', 'explore'] : []),
      ],
      cwd: copy,
      log: join(work, 'logs', `bench-node-${major}.log`),
      nodeFolder: folder,
    });
    for (const line of output.split('\n').filter((text) => text.startsWith('{'))) {
      const { name, value, unit, goalIs } = JSON.parse(line) as JsonFigure;
      const row = rows.get(name) ?? { name, unit, moreIsBetter: goalIs === 'least', values: new Map() };
      row.values.set(major, value);
      rows.set(name, row);
    }
  }
  return [...rows.values()];
}

endWithSignals();
const engines: Engine[] = [];
for (const major of majors) engines.push(await installEngine(work, major));
const withSuite = parts.includes('suite')
  ? vitests.filter((one) => majors.some((major) => vitestsOn(major).includes(one)))
  : [];
const copies = new Map<number, string>();
for (const vitest of new Set([OWN_VITEST, ...withSuite])) {
  copies.set(vitest, await makeWorkCopy(work, vitest));
}
const copy = copies.get(OWN_VITEST) as string;
if (parts.includes('hashes') || parts.includes('bench')) {
  await runStep({
    title: 'build',
    program: 'npm',
    args: ['run', 'build'],
    cwd: copy,
    log: join(work, 'logs', 'build.log'),
  });
}
const report = {
  engines,
  hashes: parts.includes('hashes') ? await compareHashes(copy, engines) : [],
  consumers: parts.includes('packages') ? await tryPackages(copy, engines) : [],
  suites: parts.includes('suite') ? await runSuites(copies, engines) : [],
  figures: parts.includes('bench') ? await measure(copy, engines) : [],
};
const plain = {
  ...report,
  figures: report.figures.map((row) => ({ ...row, values: Object.fromEntries(row.values) })),
};
console.log(json ? JSON.stringify(plain, undefined, 2) : reportText(report));
process.exitCode = isGreen(report) ? 0 : 1;
