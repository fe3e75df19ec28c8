// The gate of exploration: measures how hard each bug of the zoo is to find, then plants it and hunts for it from a cold start, two at a
// time on two cores. First come the bugs that need exploration and whose scenarios do not know them, which is what the gate is about; below
// their headline come the others. A row per bug as it comes; progress on stderr.
//   --only ID,…         some bugs
//   --sample N          N bugs, drawn by --seed
//   --executions N      at most N per hunt (50000)
//   --time SECONDS      ends a hunt that takes for ever (600)
//   --strategy NAME     how to explore (portfolio)
//   --seed S            another cold start (1)
//   --seeds N           the gate for each of the seeds 1 to N
//   --explain           prints each found failure as a terminal shows it, the way it is read by somebody who does not know the code
//   --healthy           hunt in the scenarios without any bug: nothing may be found
//   --table             strategies × cold starts without shrinking, as the table of docs/zoo.md: --starts N of each (3), at most
//                       --executions N per hunt (2000), --strategies NAME,… (all; the first is compared with each other one;
//                       portfolio:plain-first and portfolio:shuffled are the portfolio in another order)
//   --depth             orderings of depth 1 to 5 and needles, as the table of docs/strategies.md: --starts N of each strategy (10), at
//                       most --executions N (20000), --strategies NAME,…
//   --ends              --starts N (10) cold starts of each bug, each shrunk: how many different histories they end in
//   --list              the bugs, which of them their scenarios know and why, and what is left out with the reason
//   --json              one object per hunt on stdout
//   --help              this text
// Exits 1 if a seed finds under 95 % of the headline, or of all if nothing that was chosen is in it (with --healthy: if anything is found, or a
// scenario was not explored; with --ends: if a bug ends in more than two histories, no start finds it, or the process of a hunt dies; with
// --table: if one dies), 2 on wrong usage, 130 on Ctrl-C, with what is there printed.
import process from 'node:process';
import { parseArgs } from 'node:util';
import { endWhenIdle, optionsOrEnd, positiveInteger } from './command-line.ts';
import type { Bug } from './zoo/bug.ts';
import { bugs, leftOut } from './zoo/catalog.ts';
import { DEPTH_STRATEGIES, depthTable } from './zoo/depth-table.ts';
import { measureDifficulties } from './zoo/difficulty.ts';
import { endsLine, endsOf, endsRows, endsWell, type Ends } from './zoo/ends.ts';
import { gate, healthyGate, type GatePlan } from './zoo/gate.ts';
import type { Hunt } from './zoo/hunt.ts';
import { huntAll, type HuntTarget } from './zoo/hunt-queue.ts';
import { REORDERED } from './zoo/order.ts';
import { PackageCopies, ZOO_FOLDER } from './zoo/package-copy.ts';
import { drawSample } from './zoo/sample.ts';
import { comparison, strategyTable, TABLE_STRATEGIES, type TableCell } from './zoo/strategy-table.ts';
import { startSeed, tabulate } from './zoo/tabulation.ts';
import { FAST_CHECK } from './zoo/trial.ts';

const EXECUTIONS = 50_000;
const TABLE_EXECUTIONS = 2_000;
const TABLE_STARTS = 3;
const ENDS_STARTS = 10;
const DEPTH_EXECUTIONS = 20_000;
const DEPTH_STARTS = 10;
const copies = new PackageCopies(ZOO_FOLDER);

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) throw new Error(`--${name}: expected a number > 0, got ${text}`);
  return value;
}

function chosen({ only, sample, seed }: { only: string; sample?: number; seed: string }): readonly Bug[] {
  if (sample !== undefined) {
    if (only !== '') throw new Error('expected --only or --sample, got both');
    return drawSample(bugs, sample, seed);
  }
  if (only === '') return bugs;
  return [...new Set(only.split(','))].map((id) => {
    const bug = bugs.find((candidate) => candidate.id === id);
    if (bug === undefined) throw new Error(`--only: there is no bug ${id} in the zoo`);
    return bug;
  });
}

/** The copy with a bug is made when it is first asked for. */
function mutantsOf(chosenBugs: readonly Bug[]): (Bug & HuntTarget)[] {
  return chosenBugs.map((bug) => {
    let made: string | undefined;
    return { ...bug, folder: () => (made ??= copies.makeMutant(bug)) };
  });
}

function healthyTargets(chosenBugs: readonly Bug[]): HuntTarget[] {
  const scenarios = [...new Set(chosenBugs.map(({ scenario }) => scenario))];
  return scenarios.map((scenario) => ({
    id: scenario,
    title: 'no bug',
    scenario,
    folder: () => copies.base,
  }));
}

function printList(): void {
  for (const { id, title, knows } of bugs) {
    process.stdout.write(`${id.padEnd(24)}  ${title}\n`);
    if (knows !== undefined) process.stdout.write(`${''.padEnd(24)}  not in the headline: ${knows}\n`);
  }
  for (const { id, reason } of leftOut) process.stdout.write(`${id.padEnd(24)}  left out: ${reason}\n`);
}

function knownStrategies(
  names: string | undefined,
  standard: readonly string[],
  others: readonly string[],
): readonly string[] {
  if (names === undefined) return standard;
  const known = [...standard, ...others];
  return names.split(',').map((name) => {
    if (known.includes(name)) return name;
    throw new Error(`--strategies: expected some of ${known.join(', ')}, got ${name}`);
  });
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      sample: { type: 'string' },
      time: { type: 'string', default: '600' },
      strategy: { type: 'string', default: 'portfolio' },
      executions: { type: 'string' },
      seed: { type: 'string' },
      seeds: { type: 'string' },
      strategies: { type: 'string' },
      starts: { type: 'string' },
      explain: { type: 'boolean', default: false },
      healthy: { type: 'boolean', default: false },
      table: { type: 'boolean', default: false },
      depth: { type: 'boolean', default: false },
      ends: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { executions, time, starts, sample, seed = '1', seeds, ...rest } = values;
  if (seeds !== undefined && values.seed !== undefined) {
    throw new Error('expected --seed or --seeds, got both');
  }
  const asked = {
    ...rest,
    seed,
    ...(sample === undefined ? {} : { sample: positiveInteger('sample', sample) }),
  };
  return {
    ...asked,
    bugs: chosen(asked),
    seeds:
      seeds === undefined
        ? [seed]
        : Array.from({ length: positiveInteger('seeds', seeds) }, (_, index) => String(index + 1)),
    strategies: values.depth
      ? knownStrategies(values.strategies, DEPTH_STRATEGIES, [])
      : knownStrategies(values.strategies, TABLE_STRATEGIES, REORDERED),
    timeMs: positive('time', time) * 1_000,
    starts: starts === undefined ? undefined : positiveInteger('starts', starts),
    executions: executions === undefined ? undefined : positiveInteger('executions', executions),
  };
}

const given = optionsOrEnd(import.meta.url, readOptions, () => {
  return `Strategies: ${TABLE_STRATEGIES.join(', ')}; in another order: ${REORDERED.join(', ')}\n`;
});

/** What the gate is about, or with --healthy what has no bug. */
async function hunts(signal: AbortSignal): Promise<number> {
  const { strategy, timeMs, executions = EXECUTIONS, json, explain, seeds } = given;
  const toStdout = (text: string): void => void process.stdout.write(`${text}\n`);
  const plan: GatePlan = {
    ...{ strategy, timeMs, executions, json, explains: explain },
    onRow: toStdout,
    onFigures: json ? (line) => void process.stderr.write(`${line}\n`) : toStdout,
  };
  const passes = given.healthy
    ? await healthyGate(healthyTargets(given.bugs), plan, given.seed, signal)
    : await gate(mutantsOf(given.bugs), plan, seeds, signal);
  return passes ? 0 : 1;
}

/** Several hunts per bug, and where they end. */
async function ends(signal: AbortSignal): Promise<number> {
  const { strategy, seed, timeMs, executions = EXECUTIONS, json, starts = ENDS_STARTS } = given;
  const targets = mutantsOf(given.bugs);
  const plan = { strategy, timeMs, executions, shrinks: true };
  const tasks = targets.flatMap((target) =>
    Array.from({ length: starts }, (_, index) => ({
      target,
      plan: { ...plan, seed: startSeed(target.id, seed, index + 1) },
    })),
  );
  const huntsOf = new Map<string, Hunt[]>();
  const all: Ends[] = [];
  await huntAll(tasks, signal, ({ target: { id } }, hunt) => {
    const ofBug = [...(huntsOf.get(id) ?? []), hunt];
    huntsOf.set(id, ofBug);
    if (ofBug.length < starts) return;
    const bugEnds = endsOf(id, ofBug);
    all.push(bugEnds);
    for (const line of json ? [JSON.stringify(bugEnds)] : endsRows(bugEnds)) {
      process.stdout.write(`${line}\n`);
    }
  });
  process.stderr.write(`${endsLine(all)}\n`);
  return all.length === targets.length && all.every(endsWell) ? 0 : 1;
}

/** Every strategy from several cold starts, capped by executions, so that the machine's speed does not matter. */
async function table(signal: AbortSignal): Promise<number> {
  const { strategies, executions = TABLE_EXECUTIONS, starts = TABLE_STARTS } = given;
  const cells: TableCell[] = [];
  const targets = mutantsOf(given.bugs);
  const difficulties = await measureDifficulties(targets, signal);
  const standings = new Map(
    targets.flatMap(({ id, knows }) => {
      const difficulty = difficulties.get(id);
      return difficulty === undefined ? [] : [[id, { difficulty, knows }] as const];
    }),
  );
  const frame = { strategies, executions, standings };
  await tabulate(targets, { ...given, executions, starts }, signal, (cell) => {
    cells.push(cell);
    if (given.json) process.stdout.write(`${JSON.stringify({ ...cell, ...standings.get(cell.id) })}\n`);
  });
  // Bugs come in as they are done; the table has the order of the catalog.
  const sorted = targets.flatMap(({ id }) => cells.filter((cell) => cell.id === id));
  if (!given.json) for (const line of strategyTable(sorted, frame)) process.stdout.write(`${line}\n`);
  for (const other of strategies.slice(1)) {
    if (other === FAST_CHECK) continue;
    process.stderr.write(`${comparison(sorted, frame, other)}\n`);
  }
  const died = cells.filter(({ trial }) => trial.hasDied === true).length;
  if (died > 0) process.stderr.write(`${died} hunts ended with their process and have no result\n`);
  return died === 0 && cells.length === targets.length * strategies.length * starts ? 0 : 1;
}

/** Orderings and needles in programs of its own, which need no copy of the package. */
async function depth(signal: AbortSignal): Promise<number> {
  const { strategies, seed, executions = DEPTH_EXECUTIONS, starts = DEPTH_STARTS } = given;
  const lines = await depthTable({ strategies, seed, executions, starts }, signal, (strategy, start) => {
    if (process.stderr.isTTY) process.stderr.write(`${strategy} ${start}/${starts} …\x1b[K\r`);
  });
  for (const line of lines) process.stdout.write(`${line}\n`);
  return 0;
}

async function main(): Promise<void> {
  if (given.list) {
    printList();
    return;
  }
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());
  if (!given.depth) copies.makeBase();
  const mode = given.depth ? depth : given.table ? table : given.ends ? ends : hunts;
  const status = await mode(stop.signal);
  process.exitCode = stop.signal.aborted ? 130 : status;
}

main().catch(endWhenIdle(import.meta.url));
