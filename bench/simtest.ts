/**
 * A small property under `simTest` beside the same one under fast-check with `fc.scheduler()`, each as a test of Vitest in a process of its
 * own: executions in a second, and how long it takes from `vitest run` to the first of them. Invariant: the package is installed as a user has
 * it, not linked, because Vitest transforms what is linked.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import type { Figure } from './figure.ts';
import { median } from './measure.ts';

const root = process.cwd();
const EXECUTIONS = 3_000;
/**
 * The tests of a file, all alike. In the second one the engine throws away much of what it has compiled for the first, because code that was
 * called with one test's functions is called with another's; the fourth shows the speed without that.
 */
const TESTS = 4;
const MEASURED = ['second', 'fourth'] as const;
type Measured = (typeof MEASURED)[number];
const NUMBER_OF: Readonly<Record<Measured, number>> = { second: 2, fourth: 4 };

/** Three workers take two steps each, in any order; what each has read is never older than what it read before. */
const WORKERS = `
const workers = (step) => {
  let version = 0;
  return Promise.all([1, 2, 3].map(async (worker) => {
    await step(worker);
    const read = version;
    await step(worker);
    version = Math.max(version, read + 1);
    if (version < read) throw new Error('older');
  }));
};
const note = (what) => appendFileSync(process.env.BENCH_OUT, JSON.stringify(what) + '\\n');
let first;
let began;
`;
const SIM_TEST = `
import { appendFileSync } from 'node:fs';
import { afterAll, beforeAll, describe } from 'vitest';
import { simTest } from 'dryrunner/vitest';
${WORKERS}
let executions = 0;
const scenario = async (sim) => {
  executions += 1;
  await workers((worker) => sim.sleep(1, 'step of ' + worker));
};
const options = { runs: ${EXECUTIONS}, timeout: 600_000, onTurn: () => { first ??= Date.now(); } };
for (let test = 1; test <= ${TESTS}; test += 1) describe('test ' + test, () => {
  beforeAll(() => { executions = 0; began = performance.now(); });
  simTest('workers', scenario, options);
  afterAll(() => { note({ test, first, perSecond: executions / (performance.now() - began) * 1_000 }); });
});
`;
const FAST_CHECK = `
import { appendFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, test } from 'vitest';
${WORKERS}
let executions = 0;
const run = () => fc.assert(fc.asyncProperty(fc.scheduler(), async (s) => {
  first ??= Date.now();
  executions += 1;
  await s.waitFor(workers((worker) => s.schedule(Promise.resolve(), 'step of ' + worker)));
}), { numRuns: ${EXECUTIONS} });
for (let at = 1; at <= ${TESTS}; at += 1) describe('test ' + at, () => {
  beforeAll(() => { executions = 0; began = performance.now(); });
  test('workers', run, 600_000);
  afterAll(() => { note({ test: at, first, perSecond: executions / (performance.now() - began) * 1_000 }); });
});
`;
const PLAIN = `
import { appendFileSync } from 'node:fs';
import { test } from 'vitest';
test('plain', () => appendFileSync(process.env.BENCH_OUT, JSON.stringify({ test: 1, first: Date.now(), perSecond: 0 }) + '\\n'));
`;

/** What a test of a file has noted. */
interface Noted {
  readonly test: number;
  /** When the first execution of the file began. */
  readonly first: number;
  readonly perSecond: number;
}

interface Run {
  readonly startMs: number;
  readonly noted: readonly Noted[];
}

type Round = Readonly<Record<'simTest' | 'fastCheck' | 'plain', Run>>;

/** The two figures. */
export function measureSimTest(rounds: number): Figure[] {
  const folder = mkdtempSync(join(tmpdir(), 'dryrunner-bench-'));
  try {
    install(folder);
    const files = { simTest: SIM_TEST, fastCheck: FAST_CHECK, plain: PLAIN };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.test.mjs`), text);
    const all = Array.from({ length: rounds }, () => ({
      simTest: measure(folder, 'simTest'),
      fastCheck: measure(folder, 'fastCheck'),
      plain: measure(folder, 'plain'),
    }));
    return figuresOf(all);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function install(folder: string): void {
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'dryrunner'), { recursive: true });
  for (const part of ['dist', 'package.json']) {
    cpSync(join(root, part), join(modules, 'dryrunner', part), { recursive: true });
  }
  for (const name of ['vitest', 'fast-check', 'seedrandom', 'pure-rand']) {
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
}

function measure(folder: string, name: string): Run {
  const out = join(folder, `${name}.jsonl`);
  rmSync(out, { force: true });
  const startedAt = Date.now();
  const command = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--root', folder, `${name}.test.mjs`];
  const { stdout } = spawnSync(process.execPath, command, {
    cwd: folder,
    env: { ...process.env, BENCH_OUT: out },
    encoding: 'utf8',
  });
  try {
    const noted = readFileSync(out, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Noted);
    return { startMs: (noted[0] as Noted).first - startedAt, noted };
  } catch {
    throw new Error(`${name} did not come to its end:\n${stdout}`);
  }
}

function perSecondIn(test: Measured, run: Run): number {
  return run.noted.find((one) => one.test === NUMBER_OF[test])?.perSecond ?? NaN;
}

function figuresOf(all: readonly Round[]): Figure[] {
  const startMs = (name: 'simTest' | 'plain'): number => median(all.map((round) => round[name].startMs));
  return [
    ...MEASURED.map((test) => executionsIn(test, all)),
    {
      name: 'simTest, from vitest run to the first execution',
      value: median(all.map(({ simTest, plain }) => simTest.startMs - plain.startMs)),
      unit: 'ms more',
      goal: 300,
      goalIs: 'most',
      by: 'wall time',
      peer: `a plain test: ${Math.round(startMs('plain'))} ms`,
      note: 'the package is installed, not linked',
      more: { startMs: Math.round(startMs('simTest')) },
    },
  ];
}

function executionsIn(test: Measured, all: readonly Round[]): Figure {
  const perSecond = (name: 'simTest' | 'fastCheck'): number =>
    median(all.map((round) => perSecondIn(test, round[name])));
  return {
    name: `simTest, executions in a second, ${test} test of a file`,
    value: median(
      all.map(({ simTest, fastCheck }) => perSecondIn(test, simTest) / perSecondIn(test, fastCheck)),
    ),
    unit: '×',
    goal: 1,
    goalIs: 'least',
    by: 'wall time',
    peer: `fast-check with fc.scheduler(): ${Math.round(perSecond('fastCheck'))}/s`,
    note: 'three workers of two steps each, in any order',
    more: { perSecond: Math.round(perSecond('simTest')) },
  };
}
