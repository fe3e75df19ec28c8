/**
 * `npm run bench -- --against COMMIT`: what the built package costs beside the same package at another commit, by CPU time, in one run.
 * Invariants: in every round both sides do the same work, one right after the other, and the side that begins changes from round to round;
 * each side has a process of its own, and a new one every few rounds, because the engine decides otherwise in each. What was measured is
 * reported at once, and no kind that fails takes it away.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { buildCommit } from './commit.ts';
import { median } from './measure.ts';
import { PAIRED, type PairedName } from './options.ts';
import type { PairedAnswer } from './paired.ts';

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

/** A kind of work that one of the sides cannot do, as a commit before it was there cannot. */
export interface UnmeasuredKind {
  readonly name: string;
  /** The side that cannot. */
  readonly side: 'before' | 'now';
  readonly because: string;
}

/** A process that measures a package. */
export interface Side {
  readonly ask: (name: PairedName) => Promise<PairedAnswer>;
  readonly end: () => void;
}

/** How to start a process for each side. */
export interface Sides {
  readonly before: () => Promise<Side>;
  readonly now: () => Promise<Side>;
}

async function startSide(root: string): Promise<Side> {
  const process = fork(SIDE, [root], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  /** Its next message, or with what it has ended instead. */
  const answer = async (): Promise<PairedAnswer> => {
    const end = new AbortController();
    try {
      const { signal } = end;
      return await Promise.race([
        once(process, 'message', { signal }).then(([message]) => message as PairedAnswer),
        once(process, 'exit', { signal }).then(([code, killedBy]) => ({
          failure: `its process ends with ${String(code ?? killedBy)}`,
        })),
      ]);
    } finally {
      end.abort();
    }
  };
  const ready = await answer();
  const ask = (name: PairedName): Promise<PairedAnswer> => {
    process.send(name);
    return answer();
  };
  return {
    ask: 'failure' in ready ? () => Promise.resolve(ready) : ask,
    end: () => {
      if (process.connected) process.disconnect();
    },
  };
}

function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round((sorted.length - 1) * at)] ?? NaN;
}

/** One side could not do it. */
class SideFailure extends Error {
  readonly side: 'before' | 'now';
  constructor(side: 'before' | 'now', message: string) {
    super(message);
    this.side = side;
  }
}

/** A few rounds in two new processes, the first of which warms up. */
async function measureRounds(sides: Sides, name: PairedName, rounds: number): Promise<CostPair[]> {
  const [before, now] = [await sides.before(), await sides.now()];
  const ask = async (side: 'before' | 'now'): Promise<number> => {
    const answer = await (side === 'before' ? before : now).ask(name);
    if ('failure' in answer) throw new SideFailure(side, answer.failure);
    return answer.cpuMs;
  };
  const pairs: CostPair[] = [];
  try {
    for (let round = 0; round <= rounds; round += 1) {
      const costs = { before: 0, now: 0 };
      for (const side of round % 2 === 0 ? (['before', 'now'] as const) : (['now', 'before'] as const)) {
        costs[side] = await ask(side);
      }
      if (round > 0) pairs.push({ beforeMs: costs.before, nowMs: costs.now });
    }
  } finally {
    before.end();
    now.end();
  }
  return pairs;
}

async function measurePair(sides: Sides, name: PairedName, rounds: number): Promise<PairedFigure> {
  const pairs: CostPair[] = [];
  while (pairs.length < rounds) {
    pairs.push(...(await measureRounds(sides, name, Math.min(ROUNDS_PER_PROCESS, rounds - pairs.length))));
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

/**
 * Measures kinds of work on two sides, and gives each to `report` as soon as it is measured. A kind that one side cannot do is left out;
 * the others are measured all the same.
 */
export async function measureSides(
  sides: Sides,
  names: readonly PairedName[],
  rounds: number,
  report: (measured: PairedFigure | UnmeasuredKind) => void,
): Promise<void> {
  for (const name of names) {
    try {
      report(await measurePair(sides, name, rounds));
    } catch (error) {
      if (!(error instanceof SideFailure)) throw error;
      report({ name: PAIRED[name], side: error.side, because: error.message });
    }
  }
}

/** The package at a commit, which is built if needed, and the package here. */
export function sidesOf(commit: string): { readonly id: string; readonly sides: Sides } {
  const { folder, id } = buildCommit(HERE, commit);
  return { id, sides: { before: () => startSide(folder), now: () => startSide(HERE) } };
}

/** Why a kind has no figure, in a line. */
export function unmeasuredText(id: string, { name, side, because }: UnmeasuredKind): string {
  return `${name}: not measured, ${side === 'before' ? id : 'the package here'} cannot: ${because}`;
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
