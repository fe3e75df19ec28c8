/** Draws in which the ordinary is more likely than anything odd, as in life; answer 0 is the ordinary. */
import type { Simulation } from 'dryrunner';

/** One of `options`; the first is `weight` times as likely as each of the others. */
export function pick<T>(sim: Simulation, label: string, options: readonly T[], weight: number): T {
  const answer = sim.choose(label, options.length - 1 + weight);
  return options[answer < weight ? 0 : answer - weight + 1] as T;
}

/** An index below `n`; 0 is `weight` times as likely as each of the others. */
export function pickIndex(sim: Simulation, label: string, n: number, weight: number): number {
  const answer = sim.choose(label, n - 1 + weight);
  return answer < weight ? 0 : answer - weight + 1;
}

/** True once in `times`. */
export function rarely(sim: Simulation, label: string, times = 10): boolean {
  return sim.choose(label, times) === times - 1;
}
