/**
 * Measures the figures and reports them, as compiled code on a plain Node: `main.ts` starts it. Progress goes to stderr; a table to
 * stdout and all numbers to bench-results.json, or with --json one object per line to stdout.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { figureTable, isMet, type Figure } from './figure.ts';
import { kinds } from './kinds.ts';

const RESULTS = 'bench-results.json';
const KINDS = fileURLToPath(new URL('kinds.js', import.meta.url));

/** Measures one kind in a process of its own. */
function measure(name: string, rounds: number): Figure[] {
  const { status, stdout } = spawnSync(process.execPath, [KINDS, name, String(rounds)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status === 0) return JSON.parse(stdout) as Figure[];
  process.stderr.write(`${name} could not be measured.\n`);
  process.exit(1);
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
  const found = measure(name, rounds);
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
