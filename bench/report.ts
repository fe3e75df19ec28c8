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
import { measureSides, pairedTable, sidesOf, unmeasuredText, type PairedFigure } from './against.ts';
import { figureTable, isMet, type Figure } from './figure.ts';
import { kinds } from './kinds.ts';
import { PAIRED, type PairedName } from './paired.ts';

const ROUNDS = 5;
const PAIRED_ROUNDS = 10;
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
    `${message}\nusage: bench [--only ${Object.keys(kinds).join('|')}] [--rounds N] [--json]\n` +
      `       bench --against COMMIT [--only ${Object.keys(PAIRED).join('|')}] [--rounds N] [--json]\n`,
  );
  process.exit(2);
}

interface Options {
  readonly names: readonly string[];
  readonly rounds: number;
  readonly json: boolean;
  /** The commit to measure beside. */
  readonly against?: string;
}

function options(): Options {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', multiple: true },
        rounds: { type: 'string' },
        against: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    });
    const { against, json } = values;
    const known = against === undefined ? kinds : PAIRED;
    const names = values.only ?? Object.keys(known);
    const rounds = Number(values.rounds ?? (against === undefined ? ROUNDS : PAIRED_ROUNDS));
    const unknown = names.find((name) => !Object.hasOwn(known, name));
    if (unknown !== undefined) return usage(`--only: there is no figure ${unknown}`);
    if (!(Number.isSafeInteger(rounds) && rounds >= 1)) return usage('--rounds: expected an integer ≥ 1');
    return { names, rounds, json, ...(against !== undefined && { against }) };
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
}

async function reportAgainst(commit: string, { names, rounds, json }: Options): Promise<void> {
  const { id, sides } = sidesOf(commit);
  const figures: PairedFigure[] = [];
  await measureSides(sides, names as PairedName[], rounds, (measured) => {
    if ('because' in measured) {
      process.stderr.write(`${unmeasuredText(id, measured)}\n`);
      // A commit may lack a kind; the package here has all of them.
      if (measured.side === 'now') process.exitCode = 1;
      return;
    }
    figures.push(measured);
    if (json) console.log(JSON.stringify(measured));
    else process.stderr.write(`${measured.name}: ${measured.ratio.toFixed(2)} ×\n`);
  });
  if (!json) console.log(`${pairedTable(id, figures)}\n\n${machineText()}, ${rounds} rounds`);
}

function machineText(): string {
  return `Node ${process.version}, ${cpus().length} CPUs, load ${(loadavg()[0] ?? NaN).toFixed(1)}`;
}

function reportFigures({ names, rounds, json }: Options): void {
  const figures: Figure[] = [];
  for (const name of names) {
    process.stderr.write(`${name}…\n`);
    const found = measure(name, rounds);
    figures.push(...found);
    if (json) for (const figure of found) console.log(JSON.stringify({ ...figure, met: isMet(figure) }));
  }
  if (json) return;
  const [loadAverage = NaN] = loadavg();
  const machine = { node: process.version, cpus: cpus().length, loadAverage };
  const measured = figures.map((figure) => ({ ...figure, met: isMet(figure) }));
  writeFileSync(RESULTS, `${JSON.stringify({ machine, rounds, figures: measured }, undefined, 2)}\n`);
  console.log(`${figureTable(figures)}\n\n${machineText()}; all numbers in ${RESULTS}`);
}

const given = options();
if (given.against === undefined) reportFigures(given);
else await reportAgainst(given.against, given);
