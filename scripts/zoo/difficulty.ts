// How hard a bug is to find, which is measured and never declared: every strategy hunts for it from a few cold starts, for three
// executions each. Invariant: the seeds are fixed, so that the seed of a gate does not change which bugs it is about.
import { strategyNames } from '../../src/explore/strategies/strategy-names.ts';
import type { HuntTarget } from './hunt-queue.ts';
import type { Difficulty } from './standing.ts';
import type { TableCell } from './strategy-table.ts';
import { tabulate } from './tabulation.ts';

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

/** The difficulty of each target by its id; of fewer if it is stopped. */
export async function measureDifficulties(
  targets: readonly HuntTarget[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Difficulty>> {
  const cells: TableCell[] = [];
  const plan = { strategies: strategyNames, starts: STARTS, executions: FEW, timeMs: TIME_MS };
  await tabulate(targets, { ...plan, seed: 'difficulty' }, signal, (cell) => cells.push(cell));
  const perBug = STARTS * strategyNames.length;
  return new Map(
    targets.flatMap(({ id }) => {
      const ofBug = cells.filter((cell) => cell.id === id);
      return ofBug.length < perBug ? [] : [[id, difficultyOf(ofBug)] as const];
    }),
  );
}
