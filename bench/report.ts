/**
 * Measures the figures and reports them, as compiled code on a plain Node: `main.ts` starts it. Progress goes to stderr; a table to
 * stdout and all numbers to bench-results.json, or with --json one object per line to stdout.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { measureSides, pairedTable, sidesOf, unmeasuredText, type PairedFigure } from './against.ts';
import { figureTable, isMet, type Figure } from './figure.ts';
import { readOptions, type BenchOptions, type PairedName } from './options.ts';

const RESULTS = 'bench-results.json';
const MEASURING = fileURLToPath(new URL('kinds.js', import.meta.url));

/** Measures one kind in a process of its own. */
function measure(name: string, rounds: number): Figure[] {
  const { status, stdout } = spawnSync(process.execPath, [MEASURING, name, String(rounds)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status === 0) return JSON.parse(stdout) as Figure[];
  process.stderr.write(`${name} could not be measured.\n`);
  process.exit(1);
}

async function reportAgainst(commit: string, { names, rounds, json }: BenchOptions): Promise<void> {
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

function reportFigures({ names, rounds, json }: BenchOptions): void {
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

const given = readOptions();
if (given.against === undefined) reportFigures(given);
else await reportAgainst(given.against, given);
