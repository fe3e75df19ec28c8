// Makes the trials of a table, two bugs at a time, one core each. Invariant: each pair of bug and cold start has a seed of its own, the
// same for all strategies, so that no two bugs of one scenario meet the same draws.
import process from 'node:process';
import type { HuntTarget } from './hunt-queue.ts';
import type { TableCell } from './strategy-table.ts';
import { columnPlan } from './order.ts';
import type { TrialPlan } from './trial.ts';
import { runTrials } from './trials.ts';

const AT_ONCE = 2;

/** How much to try. */
export interface TabulationPlan {
  /** Columns: names of strategies, or of {@link REORDERED}. */
  readonly strategies: readonly string[];
  /** Cold starts of each strategy for each bug. */
  readonly starts: number;
  /** For each hunt. */
  readonly executions: number;
  readonly timeMs: number;
  /** Another one makes other cold starts. */
  readonly seed: string;
}

/** The seed of one cold start for one bug. */
export function startSeed(id: string, seed: string, start = 1): string {
  return `${id} ${seed} ${start}`;
}

/** A hunt, and where in the table it stands. */
type ColumnPlan = TrialPlan & { readonly column: string };

/** All hunts for one bug. */
function plansFor(
  id: string,
  { strategies, starts, executions, timeMs, seed }: TabulationPlan,
): ColumnPlan[] {
  return strategies.flatMap((column) =>
    Array.from({ length: starts }, (_, index) => {
      const cold = startSeed(id, seed, index + 1);
      return { column, ...columnPlan(column, cold), seed: cold, executions, timeMs };
    }),
  );
}

/** Reports each cell as soon as it is there. */
export async function tabulate(
  targets: readonly HuntTarget[],
  plan: TabulationPlan,
  signal: AbortSignal,
  onCell: (cell: TableCell & { readonly seed: string }) => void,
): Promise<void> {
  const waiting = [...targets];
  const isStopped = (): boolean => signal.aborted;
  const tabulator = async (): Promise<void> => {
    for (let target = waiting.shift(); target !== undefined && !isStopped(); target = waiting.shift()) {
      const { id, scenario } = target;
      if (process.stderr.isTTY) process.stderr.write(`${waiting.length} to go, ${id} …\x1b[K\r`);
      const task = { folder: target.folder(), scenario, plans: plansFor(id, plan) };
      await runTrials(task, signal, ({ column, seed }, trial) =>
        onCell({ id, strategy: column, seed, trial }),
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, tabulator));
}
