/**
 * Measures the figures and reports them, as compiled code on a plain Node: `main.ts` starts it. Progress goes to stderr; a table to
 * stdout and all numbers to bench-results.json, or with --json one object per line to stdout.
 */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { figureTable, isMet, type Figure } from './figure.ts';
import { measureHelp } from './help.ts';
import { measureIdle } from './idle.ts';
import { measureRuns } from './runs.ts';
import { measureSleeps } from './sleeps.ts';
import { measureWaiters } from './waiters.ts';

const RESULTS = 'bench-results.json';

const kinds: Readonly<Record<string, (rounds: number) => Figure[] | Promise<Figure[]>>> = {
  // First, because what ran before in a process leaves the engine with other decisions.
  runs: measureRuns,
  sleeps: sleepFigures,
  waiters: measureWaiters,
  idle: measureIdle,
  help: measureHelp,
};

async function sleepFigures(rounds: number): Promise<Figure[]> {
  return (await measureSleeps({ rounds })).map(
    ({ drain, pending, ratio, goal, perSecond, peerPerSecond }): Figure => ({
      name: `sleeps, ${drain} drain, ${pending} pending`,
      value: ratio,
      unit: '×',
      goal,
      goalIs: 'least',
      by: 'CPU time',
      peer: `fake-timers runAllAsync: ${peerPerSecond}/s`,
      note: 'three more awaits after each sleep',
      more: { perSecond },
    }),
  );
}

function usage(message: string): never {
  process.stderr.write(
    `${message}\nusage: bench [--only ${Object.keys(kinds).join('|')}] [--rounds N] [--json]\n`,
  );
  process.exit(2);
}

function options(): { readonly names: readonly string[]; readonly rounds: number; readonly json: boolean } {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', multiple: true },
        rounds: { type: 'string', default: '5' },
        json: { type: 'boolean', default: false },
      },
    });
    const { only: names = Object.keys(kinds), json } = values;
    const rounds = Number(values.rounds);
    const unknown = names.find((name) => !Object.hasOwn(kinds, name));
    if (unknown !== undefined) return usage(`--only: there is no figure ${unknown}`);
    if (!(Number.isSafeInteger(rounds) && rounds >= 1)) return usage('--rounds: expected an integer ≥ 1');
    return { names, rounds, json };
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
}

const { names, rounds, json } = options();
const figures: Figure[] = [];
for (const name of names) {
  process.stderr.write(`${name}…\n`);
  const found = (await kinds[name]?.(rounds)) ?? [];
  figures.push(...found);
  if (json) for (const figure of found) console.log(JSON.stringify({ ...figure, met: isMet(figure) }));
}
const [load = NaN] = loadavg();
const machine = { node: process.version, cpus: cpus().length, loadAverage: load };
if (!json) {
  const measured = figures.map((figure) => ({ ...figure, met: isMet(figure) }));
  writeFileSync(RESULTS, `${JSON.stringify({ machine, rounds, figures: measured }, undefined, 2)}\n`);
  const { cpus: count, loadAverage, node } = machine;
  console.log(
    `${figureTable(figures)}\n\nNode ${node}, ${count} CPUs, load ${loadAverage.toFixed(1)}; all numbers in ${RESULTS}`,
  );
}
