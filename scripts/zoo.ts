// The gate of exploration: plants every bug of the zoo, one at a time, and hunts for it from a cold start, two at a time on two cores. A
// row per bug as it comes; progress on stderr.
//   --only ID,…         some bugs
//   --time SECONDS      for each bug (60)
//   --strategy NAME     how to explore (portfolio)
//   --executions N      at most so many per hunt
//   --seed S            another cold start
//   --healthy           hunt in the scenarios without any bug: nothing may be found
//   --table             strategies × cold starts without shrinking, as the table of docs; --starts N of each (3)
//   --list              the bugs, and what is left out with the reason
//   --json              one object per hunt on stdout
// Exits 1 under 95 % found (with --healthy: if anything is), 2 on wrong usage, 130 on Ctrl-C, with what is there printed.
import process from 'node:process';
import { parseArgs } from 'node:util';
import type { Bug } from './zoo/bug.ts';
import { bugs, leftOut } from './zoo/catalog.ts';
import type { Hunt } from './zoo/hunt.ts';
import { huntAll, type Quarry } from './zoo/hunting-party.ts';
import { figuresLine, huntRow } from './zoo/hunt-report.ts';
import { PackageCopies, ZOO_FOLDER } from './zoo/package-copy.ts';
import { strategyTable, TABLE_STRATEGIES } from './zoo/strategy-table.ts';

const SHARE_FOUND = 0.95;
const TABLE_EXECUTIONS = 20_000;
const copies = new PackageCopies(ZOO_FOLDER);

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) throw new Error(`--${name}: expected a number > 0, got ${text}`);
  return value;
}

function chosen(only: string): readonly Bug[] {
  if (only === '') return bugs;
  return only.split(',').map((id) => {
    const bug = bugs.find((candidate) => candidate.id === id);
    if (bug === undefined) throw new Error(`--only: there is no bug ${id} in the zoo`);
    return bug;
  });
}

function quarriesOf(chosenBugs: readonly Bug[], isHealthy: boolean): Quarry[] {
  if (!isHealthy) return chosenBugs.map((bug) => ({ ...bug, folder: () => copies.makeMutant(bug) }));
  const scenarios = [...new Set(chosenBugs.map(({ scenario }) => scenario))];
  return scenarios.map((scenario) => ({
    id: scenario,
    title: 'no bug',
    scenario,
    folder: () => copies.base,
  }));
}

function printList(): void {
  for (const { id, title } of bugs) process.stdout.write(`${id.padEnd(24)}  ${title}\n`);
  for (const { id, reason } of leftOut) process.stdout.write(`${id.padEnd(24)}  left out: ${reason}\n`);
}

function options() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      time: { type: 'string', default: '60' },
      strategy: { type: 'string', default: 'portfolio' },
      executions: { type: 'string' },
      seed: { type: 'string', default: '1' },
      starts: { type: 'string', default: '3' },
      healthy: { type: 'boolean', default: false },
      table: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const { executions, time, starts } = values;
  return {
    ...values,
    timeMs: positive('time', time) * 1_000,
    starts: positive('starts', starts),
    executions: executions === undefined ? undefined : positive('executions', executions),
  };
}

/** The gate itself: one hunt per bug. */
async function gate(given: ReturnType<typeof options>, signal: AbortSignal): Promise<number> {
  const { strategy, seed, timeMs, executions, json, healthy } = given;
  const quarries = quarriesOf(chosen(given.only), healthy);
  const hunts: Hunt[] = [];
  const plan = { strategy, seed, timeMs, shrinks: true, ...(executions === undefined ? {} : { executions }) };
  await huntAll(
    quarries.map((quarry) => ({ quarry, plan })),
    signal,
    ({ quarry }, hunt) => {
      hunts.push(hunt);
      const { id, title, scenario } = quarry;
      const text = json ? JSON.stringify({ id, title, scenario, ...hunt }) : huntRow(quarry, hunt, healthy);
      process.stdout.write(`${text}\n`);
    },
  );
  const found = hunts.filter((hunt) => hunt.found).length;
  process.stderr.write(`${figuresLine(hunts, quarries.length)}\n`);
  if (healthy) return found === 0 && hunts.length === quarries.length ? 0 : 1;
  return found >= SHARE_FOUND * quarries.length ? 0 : 1;
}

/** Every strategy from several cold starts, capped by executions, so that the machine's speed does not matter. */
async function table(given: ReturnType<typeof options>, signal: AbortSignal): Promise<number> {
  const { starts, timeMs, executions = TABLE_EXECUTIONS } = given;
  const quarries = quarriesOf(chosen(given.only), false);
  const tasks = quarries.flatMap((quarry) =>
    TABLE_STRATEGIES.flatMap((strategy) =>
      Array.from({ length: starts }, (_, index) => {
        const plan = { strategy, seed: String(index + 1), timeMs, executions, shrinks: false };
        return { quarry, plan };
      }),
    ),
  );
  const cells: { readonly id: string; readonly strategy: string; readonly hunt: Hunt }[] = [];
  await huntAll(tasks, signal, ({ quarry: { id }, plan: { strategy } }, hunt) => {
    cells.push({ id, strategy, hunt });
    if (given.json) process.stdout.write(`${JSON.stringify({ id, strategy, ...hunt })}\n`);
  });
  if (!given.json) for (const line of strategyTable(cells)) process.stdout.write(`${line}\n`);
  return cells.length === tasks.length ? 0 : 1;
}

async function main(): Promise<void> {
  const given = options();
  if (given.list) {
    printList();
    return;
  }
  chosen(given.only);
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort());
  copies.makeBase();
  const status = given.table ? await table(given, stop.signal) : await gate(given, stop.signal);
  process.exitCode = stop.signal.aborted ? 130 : status;
}

main().catch((error: unknown) => {
  process.stderr.write(`zoo: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
});
