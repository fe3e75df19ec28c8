// Popular packages of npm as they are, under what their documentation promises (sims/foreign, docs/foreign.md): a row per promise as it
// comes. Each is run under that many seeds; then again in reverse order and watched for escapes, where each hash must be the same; then with
// the portfolio until it fails; one that fails also with fast-check, whose scheduler orders what is due together. What is not installed yet is installed from the lockfile in sims/foreign.
//   --only NAME,…     some packages or promises
//   --seeds N         executions of each (2000)
//   --sample          50 seeds of each, in a minute or two
//   --fault NAME      under that fault of time: stall, wallStep or dateBehind. What breaks then fails nothing, and is not hunted by fast-check
//   --explain         of each promise that fails, what failed how often
//   --json            one object per promise on stdout
//   --help            this text
// Exits 1 if a hash differs, something escapes, or a promise fails in a way that is not judged in docs/foreign.md; 2 on wrong usage.
import 'dryrunner/ambient/install';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import type { Verdict } from 'dryrunner';
import { watchEscapes } from 'dryrunner/ambient';
import { createExecutor, explore, portfolioStrategy, randomStrategy, type Executor } from 'dryrunner/explore';
import { executorAlone } from '../src/threads/run-alone.ts';
import type { ForeignScenario } from '../sims/foreign/promised.ts';
import { endWhenIdle, optionsOrEnd, positiveInteger } from './command-line.ts';
import { isBroken, isGood, summary, verdictOn, type Row } from './foreign/foreign-row.ts';
import { projectRoot } from './module-graph.ts';
import { huntWithFastCheck } from './zoo/fast-check-hunt.ts';

const FOLDER = join(projectRoot, 'sims/foreign');
const SEEDS = 2_000;
const SAMPLE_SEEDS = 50;
const FAST_CHECK_MS = 60_000;

function install(): void {
  if (existsSync(join(FOLDER, 'node_modules/.package-lock.json'))) return;
  process.stderr.write('foreign: installing the packages of sims/foreign\n');
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status } = spawnSync('npm', args, { cwd: FOLDER, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`npm ci in sims/foreign ended with ${status}`);
}

function versionOf(name: string): string {
  const manifest = readFileSync(join(FOLDER, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

const warnings = new Set<string>();

/** Instead of printing each. */
function collectWarnings(): void {
  process.removeAllListeners('warning');
  process.on('warning', ({ message }) => warnings.add(message.split('\n')[0] ?? message));
}

/** All that a second run must repeat. */
function traceOf({ traceHash, failure }: Verdict): string {
  return failure === undefined ? traceHash : `${traceHash} ${failure.kind} ${failure.message}`;
}

async function executeAll(
  executor: Executor,
  indices: Iterable<number>,
  look: (verdict: Verdict, index: number) => void,
): Promise<void> {
  const strategy = randomStrategy(1);
  for (const index of indices) {
    strategy.begin(index);
    const verdict = await executor.execute({ source: strategy, omitStacks: true });
    strategy.end({ verdict, novelty: 0 });
    look(verdict, index);
  }
}

async function rowOf(scenario: ForeignScenario, seeds: number, isHunted: boolean): Promise<Row> {
  const input = await scenario.prepare();
  const plain = executorAlone(createExecutor(scenario, input));
  const traces: string[] = [];
  const messages = new Map<string, number>();
  let random: number | undefined;
  const began = performance.now();
  await executeAll(plain, Array.from({ length: seeds }).keys(), (verdict, index) => {
    traces.push(traceOf(verdict));
    const { failure } = verdict;
    if (failure === undefined) return;
    random ??= index + 1;
    messages.set(failure.message, (messages.get(failure.message) ?? 0) + 1);
  });
  const seconds = (performance.now() - began) / 1_000;
  const watch = watchEscapes(createExecutor(scenario, input));
  let differing = 0;
  // In reverse, so that what one execution leaves to the next shows.
  const backwards = Array.from(traces.keys()).reverse();
  await executeAll(executorAlone(watch.executor), backwards, (verdict, index) => {
    if (traceOf(verdict) !== traces[index]) differing += 1;
  });
  let ofPortfolio: string | undefined;
  const explored = await explore(plain, portfolioStrategy(1), {
    maxExecutions: seeds,
    onFailure: ({ failure }) => {
      ofPortfolio = failure?.message;
      return false;
    },
  });
  const hunted =
    !isHunted || (random === undefined && explored.failures === 0)
      ? undefined
      : await huntWithFastCheck(plain, {
          seed: scenario.name,
          executions: seeds,
          timeMs: FAST_CHECK_MS,
          inVirtualTime: true,
        });
  const warned = [...warnings];
  warnings.clear();
  return {
    package: scenario.package,
    version: versionOf(scenario.package),
    promise: scenario.name,
    says: scenario.description,
    seeds,
    failures: [...messages.values()].reduce((sum, count) => sum + count, 0),
    alsoFound: [ofPortfolio, hunted?.type === 'found' ? hunted.sentence : undefined].filter(
      (message) => message !== undefined,
    ),
    messages: [...messages].sort(([, one], [, other]) => other - one),
    random,
    portfolio: explored.failures > 0 ? explored.executions : undefined,
    fastCheck: hunted?.type === 'found' ? hunted.executions : undefined,
    differing,
    escapes: watch.escapes().map(({ what, frames }) => `${what} ${frames[0] ?? ''}`.trim()),
    warnings: warned,
    seedsPerSecond: Math.round(seeds / seconds),
    judged: scenario.judged,
  };
}

const HEAD = [
  'package',
  'version',
  'promise',
  'seeds',
  'failed',
  'random',
  'portfolio',
  'fast-check',
  'differ',
  'escapes',
  'seeds/s',
  'judgement',
];
const WIDTHS = [22, 8, 30, 5, 6, 6, 9, 10, 6, 7, 7, 0];

function line(cells: readonly (string | number)[]): string {
  return cells
    .map((cell, column) => {
      const text = String(cell);
      const width = WIDTHS[column] ?? 0;
      return typeof cell === 'number' || /^(–|\d+)$/.test(text) ? text.padStart(width) : text.padEnd(width);
    })
    .join('  ')
    .trimEnd();
}

function printRow(row: Row, explains: boolean): void {
  const { failures, random = '–', portfolio = '–', fastCheck = '–', differing, escapes } = row;
  const found = [failures, random, portfolio, fastCheck, differing, escapes.length, row.seedsPerSecond];
  process.stdout.write(
    `${line([row.package, row.version, row.promise, row.seeds, ...found, verdictOn(row)])}\n`,
  );
  for (const warning of row.warnings) process.stdout.write(`    warning: ${warning}\n`);
  for (const escape of escapes) process.stdout.write(`    escape: ${escape}\n`);
  if (!explains || !isBroken(row)) return;
  process.stdout.write(`    it says: ${row.says}\n`);
  for (const [message, count] of row.messages.slice(0, 4)) {
    process.stdout.write(`    ${count} × ${message}\n`);
  }
  for (const message of row.alsoFound) process.stdout.write(`    also ${message}\n`);
}

function options() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      seeds: { type: 'string' },
      sample: { type: 'boolean', default: false },
      fault: { type: 'string' },
      explain: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { seeds = String(values.sample ? SAMPLE_SEEDS : SEEDS) } = values;
  return { ...values, seeds: positiveInteger('seeds', seeds) };
}

function chosen(all: readonly ForeignScenario[], only: string): readonly ForeignScenario[] {
  if (only === '') return all;
  return only.split(',').flatMap((wanted) => {
    const found = all.filter((scenario) => scenario.package === wanted || scenario.name === wanted);
    if (found.length === 0) throw new Error(`--only: there is no package and no promise ${wanted}`);
    return found;
  });
}

const { only, seeds, fault, explain, json } = optionsOrEnd(import.meta.url, options);

async function main(): Promise<void> {
  const { foreignScenarios } = await import('../sims/foreign/index.ts');
  const asPromised = chosen(foreignScenarios, only);
  const scenarios =
    fault === undefined ? asPromised : asPromised.map((one) => one.withFaults({ [fault]: true }));
  install();
  collectWarnings();
  const rows: Row[] = [];
  if (!json) process.stdout.write(`${line(HEAD)}\n`);
  for (const scenario of scenarios) {
    const row = await rowOf(scenario, seeds, fault === undefined);
    rows.push(row);
    // The messages of a judgement are patterns, of which JSON knows nothing.
    if (json) process.stdout.write(`${JSON.stringify({ ...row, judged: row.judged?.judgement })}\n`);
    else printRow(row, explain);
  }
  process.stderr.write(`${summary(rows)}\n`);
  process.exitCode = rows.every((row) => isGood(row, fault !== undefined)) ? 0 : 1;
}

main().catch(endWhenIdle(import.meta.url));
