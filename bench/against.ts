/**
 * `npm run bench -- --against COMMIT`: what the built package costs beside the same package at another commit, by CPU time, in one run.
 * Invariants: in every round both sides do the same work, one right after the other, and the side that begins changes from round to round;
 * each side has a process of its own, and a new one every few rounds, because the engine decides otherwise in each.
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

const ROUNDS_PER_PROCESS = 2;

/** One round. */
interface CostPair {
  readonly beforeMs: number;
  readonly nowMs: number;
}

/** One kind of work on both sides. */
export interface PairedFigure {
  readonly name: string;
  readonly beforeMs: number;
  readonly nowMs: number;
  /** How many times as fast it is now: the median of the rounds' ratios, and the quarter and three-quarter values. */
  readonly ratio: number;
  readonly ratioLow: number;
  readonly ratioHigh: number;
  /** The best rounds of both sides, whichever they are: what a busy machine blurs least. */
  readonly bestRatio: number;
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

/** A few rounds in two new processes, the first of which warms up. */
async function measureRounds(folder: string, name: PairedName, rounds: number): Promise<CostPair[]> {
  const [before, now] = [await startSide(folder), await startSide(HERE)];
  const pairs: CostPair[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const pair = { beforeMs: 0, nowMs: 0 };
    const askBefore = async (): Promise<void> => {
      pair.beforeMs = await ask(before, name);
    };
    const askNow = async (): Promise<void> => {
      pair.nowMs = await ask(now, name);
    };
    for (const askSide of round % 2 === 0 ? [askBefore, askNow] : [askNow, askBefore]) await askSide();
    if (round > 0) pairs.push(pair);
  }
  before.disconnect();
  now.disconnect();
  return pairs;
}

async function measurePair(folder: string, name: PairedName, rounds: number): Promise<PairedFigure> {
  const pairs: CostPair[] = [];
  while (pairs.length < rounds) {
    pairs.push(...(await measureRounds(folder, name, Math.min(ROUNDS_PER_PROCESS, rounds - pairs.length))));
  }
  const ratios = pairs.map(({ beforeMs, nowMs }) => beforeMs / nowMs);
  return {
    name: PAIRED[name],
    beforeMs: median(pairs.map(({ beforeMs }) => beforeMs)),
    nowMs: median(pairs.map(({ nowMs }) => nowMs)),
    ratio: quantile(ratios, 0.5),
    ratioLow: quantile(ratios, 0.25),
    ratioHigh: quantile(ratios, 0.75),
    bestRatio:
      Math.min(...pairs.map(({ beforeMs }) => beforeMs)) / Math.min(...pairs.map(({ nowMs }) => nowMs)),
  };
}

/** Measures the named kinds of work beside a commit. */
export async function measureAgainst(
  commit: string,
  names: readonly PairedName[],
  rounds: number,
): Promise<{ readonly id: string; readonly figures: readonly PairedFigure[] }> {
  const { folder, id } = buildCommit(HERE, commit);
  const figures: PairedFigure[] = [];
  for (const name of names) {
    process.stderr.write(`${name}…\n`);
    figures.push(await measurePair(folder, name, rounds));
  }
  return { id, figures };
}

/** The figures as a table for people. */
export function pairedTable(id: string, figures: readonly PairedFigure[]): string {
  const rows = [
    ['CPU time of', id, 'now', 'times as fast', 'middle half of the rounds', 'best rounds'],
    ...figures.map(({ name, beforeMs, nowMs, ratio, ratioLow, ratioHigh, bestRatio }) => [
      name,
      `${beforeMs.toFixed(0)} ms`,
      `${nowMs.toFixed(0)} ms`,
      `${ratio.toFixed(2)} ×`,
      `${ratioLow.toFixed(2)}–${ratioHigh.toFixed(2)} ×`,
      `${bestRatio.toFixed(2)} ×`,
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
