// The gate of exploration: plants every bug of the zoo, one at a time, and hunts for it from a cold start, two at a time. A row per
// bug as it comes; progress on stderr. --only ID,… takes some bugs, --seeds N and --time SECONDS bound a hunt, --json prints one object
// per bug, --healthy hunts in the package without any bug, --list names the bugs and what is left out. Exits 1 under 95 % found (with --healthy: if anything fails), 2 on wrong
// usage, 130 on Ctrl-C, with what is there printed.
import process from 'node:process';
import { parseArgs } from 'node:util';
import type { Bug } from './zoo/bug.ts';
import { bugs, leftOut } from './zoo/catalog.ts';
import { hunt, type Hunt } from './zoo/hunt.ts';
import { baseFolder, makeBase, makeMutant } from './zoo/package-copy.ts';

const AT_ONCE = 2;
const SHARE_FOUND = 0.95;

interface Quarry {
  readonly id: string;
  readonly title: string;
  readonly scenario: string;
  /** Makes the copy to hunt in, and gives its folder. */
  readonly plant: () => string;
}

interface Options {
  /** What stands where nothing was found. */
  readonly missed: string;
  readonly seeds: number;
  readonly timeMs: number;
  readonly json: boolean;
}

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

function quarries(chosenBugs: readonly Bug[], healthy: boolean): Quarry[] {
  if (!healthy) return chosenBugs.map((bug) => ({ ...bug, plant: () => makeMutant(bug) }));
  const scenarios = [...new Set(chosenBugs.map(({ scenario }) => scenario))];
  return scenarios.map((scenario) => ({
    id: scenario,
    title: 'no bug',
    scenario,
    plant: baseFolder,
  }));
}

function row(
  { id, title }: Quarry,
  { found, executions, seconds, events, sentence }: Hunt,
  missed: string,
): string {
  const figures = [
    id.padEnd(24),
    found ? 'found ' : missed,
    String(executions).padStart(7),
    `${seconds.toFixed(1)} s`.padStart(7),
    String(events ?? '–').padStart(6),
  ];
  return `${figures.join('  ')}  ${title}${sentence === '' ? '' : ` — ${sentence.split('\n')[0]}`}`;
}

function report(quarry: Quarry, result: Hunt, { json, missed }: Options): void {
  const { id, title, scenario } = quarry;
  process.stdout.write(
    `${json ? JSON.stringify({ id, title, scenario, ...result }) : row(quarry, result, missed)}\n`,
  );
}

async function huntAll(all: readonly Quarry[], options: Options, signal: AbortSignal): Promise<Hunt[]> {
  const waiting = [...all];
  const results: Hunt[] = [];
  const stopped = (): boolean => signal.aborted;
  const worker = async (): Promise<void> => {
    for (let quarry = waiting.shift(); quarry !== undefined && !stopped(); quarry = waiting.shift()) {
      if (process.stderr.isTTY) process.stderr.write(`${results.length}/${all.length} ${quarry.id} …\r`);
      const { seeds, timeMs } = options;
      const result = await hunt({ folder: quarry.plant(), scenario: quarry.scenario, seeds, timeMs, signal });
      // What was cut short has proved nothing.
      if (stopped()) return;
      results.push(result);
      report(quarry, result, options);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

function printList(): void {
  for (const { id, title } of bugs) process.stdout.write(`${id.padEnd(24)}  ${title}\n`);
  for (const { id, reason } of leftOut) process.stdout.write(`${id.padEnd(24)}  left out: ${reason}\n`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      seeds: { type: 'string', default: '20000' },
      time: { type: 'string', default: '60' },
      json: { type: 'boolean', default: false },
      healthy: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  });
  if (values.list) {
    printList();
    return;
  }
  const options: Options = {
    seeds: positive('seeds', values.seeds),
    timeMs: positive('time', values.time) * 1_000,
    json: values.json,
    missed: values.healthy ? 'held  ' : 'MISSED',
  };
  const all = quarries(chosen(values.only), values.healthy);
  const stop = new AbortController();
  process.on('SIGINT', () => stop.abort());
  process.on('SIGTERM', () => stop.abort());
  makeBase();
  const results = await huntAll(all, options, stop.signal);
  const found = results.filter((result) => result.found).length;
  process.stderr.write(`${found} of ${all.length} found\n`);
  if (stop.signal.aborted) process.exitCode = 130;
  else if (values.healthy) process.exitCode = found === 0 ? 0 : 1;
  else process.exitCode = found >= SHARE_FOUND * all.length ? 0 : 1;
}

main().catch((error: unknown) => {
  process.stderr.write(`zoo: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
});
