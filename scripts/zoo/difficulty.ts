// How hard a bug is to find, which is measured and never declared: every strategy hunts for it from a few cold starts, for three
// executions each. Invariant: the seeds are fixed, so that the seed of a gate does not change which bugs it is about.
import { strategyNames } from '../../src/explore/strategies/strategy-names.ts';
import type { Bug } from './bug.ts';
import type { Quarry } from './hunting-party.ts';
import type { TableCell } from './strategy-table.ts';
import { tabulate } from './tabulation.ts';

/** From the easiest on. */
const DIFFICULTIES = ['plain', 'within three', 'exploration'] as const;

/**
 * `plain`: the plain schedule alone shows the bug. `within three`: any single strategy finds it in its first three executions, from at
 * least half of the cold starts. `exploration`: neither.
 */
export type Difficulty = (typeof DIFFICULTIES)[number];

const FEW = 3;
const STARTS = 5;
/** Three executions take no time; this ends one that hangs. */
const TIME_MS = 60_000;

/** The difficulty that the hunts for one bug show, each of {@link FEW} executions. */
export function difficultyOf(cells: readonly TableCell[]): Difficulty {
  const strategies = [...new Set(cells.map(({ strategy }) => strategy))];
  const isFoundBy = (name: string): boolean => {
    const starts = cells.filter(({ strategy }) => strategy === name);
    const found = starts.filter(({ trial }) => trial.found === true && trial.executions <= FEW);
    return found.length > 0 && 2 * found.length >= starts.length;
  };
  if (isFoundBy('plain')) return 'plain';
  return strategies.some(isFoundBy) ? 'within three' : 'exploration';
}

/** The difficulty of each quarry by its id; of fewer if it is stopped. */
export async function measureDifficulties(
  quarries: readonly Quarry[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Difficulty>> {
  const cells: TableCell[] = [];
  const plan = { strategies: strategyNames, starts: STARTS, executions: FEW, timeMs: TIME_MS };
  await tabulate(quarries, { ...plan, seed: 'difficulty' }, signal, (cell) => cells.push(cell));
  const perBug = STARTS * strategyNames.length;
  return new Map(
    quarries.flatMap(({ id }) => {
      const ofBug = cells.filter((cell) => cell.id === id);
      return ofBug.length < perBug ? [] : [[id, difficultyOf(ofBug)] as const];
    }),
  );
}

/** What decides whether the gate is about a bug. */
export interface Standing {
  readonly difficulty: Difficulty;
  readonly knows?: Bug['knows'];
}

/** True for what the gate is about: it needs exploration, and its scenario does not know it. */
export function isHeadline({ difficulty, knows }: Standing): boolean {
  return difficulty === 'exploration' && knows === undefined;
}

/** Where a bug stands, in a word or two. */
export function standingText({ difficulty, knows }: Standing): string {
  return knows === undefined ? difficulty : `${difficulty}, known`;
}

/** What those outside of the headline are. */
export function standingLine(others: readonly Standing[]): string {
  const known = others.filter(({ knows }) => knows !== undefined).length;
  const easy = DIFFICULTIES.slice(0, 2).map((name) => {
    const count = others.filter(({ difficulty, knows }) => difficulty === name && knows === undefined).length;
    return `${count} ${name}`;
  });
  return `not in the headline (${[...easy, `${known} known to their scenarios`].join(', ')})`;
}
