/** Measuring on a busy machine: CPU time beside wall time, and medians of interleaved rounds. */
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Collects all garbage now, so that what follows does not pay for what was before. */
export const collectGarbage = runInNewContext('gc') as () => void;

/** How long something took. */
export interface Cost {
  /** User and system time of this process, all threads. */
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** Does `work` once and says what it cost. */
export async function costOf(work: () => unknown): Promise<Cost> {
  const startMs = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1000, wallMs: performance.now() - startMs };
}

/** The value in the middle; of an even number the upper one. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/**
 * Does all ways once per round, beginning with another one each time, and gives the costs of each way round by round.
 * `prepare` comes before each, and costs it nothing.
 */
export async function interleave<Name extends string>(
  ways: Readonly<Record<Name, () => unknown>>,
  rounds: number,
  prepare?: () => void,
): Promise<Record<Name, Cost[]>> {
  const names = Object.keys(ways) as Name[];
  const costs = Object.fromEntries(names.map((name) => [name, [] as Cost[]])) as Record<Name, Cost[]>;
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length] as Name;
      prepare?.();
      costs[name].push(await costOf(ways[name]));
    }
  }
  return costs;
}
