/**
 * `npm run bench -- --against COMMIT`: what the built package costs beside the same package at another commit, by CPU time, in one run.
 * Invariants: each side has a process of its own that stays; in every round both sides do the same work, one right after the other, and
 * the side that begins changes from round to round.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { buildCommit } from './commit.ts';
import { median } from './measure.ts';
import { PAIRED, type PairedName } from './paired.ts';

const SIDE = fileURLToPath(new URL('paired.js', import.meta.url));
const HERE = fileURLToPath(new URL('../..', import.meta.url));

/** One kind of work on both sides. */
export interface PairedFigure {
  readonly name: string;
  readonly beforeMs: number;
  readonly nowMs: number;
  /** How many times as fast it is now: the median of the rounds' ratios, and the quarter and three-quarter values. */
  readonly ratio: number;
  readonly ratioLow: number;
  readonly ratioHigh: number;
}

async function startSide(root: string): Promise<ChildProcess> {
  const side = fork(SIDE, [root], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  side.once('exit', (code) => {
    if (code !== null && code !== 0) process.exit(1);
  });
  await once(side, 'message');
  return side;
}

async function ask(side: ChildProcess, name: PairedName): Promise<number> {
  side.send(name);
  const [cpuMs] = (await once(side, 'message')) as [number];
  return cpuMs;
}

function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round((sorted.length - 1) * at)] ?? NaN;
}

async function measurePair(
  before: ChildProcess,
  now: ChildProcess,
  name: PairedName,
  rounds: number,
): Promise<PairedFigure> {
  const costs = { before: [] as number[], now: [] as number[] };
  // The first round warms up.
  for (let round = 0; round <= rounds; round += 1) {
    const sides = [['before', before] as const, ['now', now] as const];
    if (round % 2 === 1) sides.reverse();
    for (const [which, side] of sides) {
      const cpuMs = await ask(side, name);
      if (round > 0) costs[which].push(cpuMs);
    }
  }
  const ratios = costs.before.map((cpuMs, i) => cpuMs / (costs.now[i] ?? NaN));
  return {
    name: PAIRED[name],
    beforeMs: median(costs.before),
    nowMs: median(costs.now),
    ratio: quantile(ratios, 0.5),
    ratioLow: quantile(ratios, 0.25),
    ratioHigh: quantile(ratios, 0.75),
  };
}

/** Measures the named kinds of work beside a commit. */
export async function measureAgainst(
  commit: string,
  names: readonly PairedName[],
  rounds: number,
): Promise<{ readonly id: string; readonly figures: readonly PairedFigure[] }> {
  const { folder, id } = buildCommit(HERE, commit);
  const [before, now] = [await startSide(folder), await startSide(HERE)];
  const figures: PairedFigure[] = [];
  for (const name of names) {
    process.stderr.write(`${name}…\n`);
    figures.push(await measurePair(before, now, name, rounds));
  }
  before.disconnect();
  now.disconnect();
  return { id, figures };
}

/** The figures as a table for people. */
export function pairedTable(id: string, figures: readonly PairedFigure[]): string {
  const rows = [
    ['CPU time of', id, 'now', 'times as fast', 'middle half of the rounds'],
    ...figures.map(({ name, beforeMs, nowMs, ratio, ratioLow, ratioHigh }) => [
      name,
      `${beforeMs.toFixed(0)} ms`,
      `${nowMs.toFixed(0)} ms`,
      `${ratio.toFixed(2)} ×`,
      `${ratioLow.toFixed(2)}–${ratioHigh.toFixed(2)} ×`,
    ]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
