/**
 * Draws in which the ordinary is more likely than anything odd, as in life; answer 0 is the ordinary. What is odd and has a name stands
 * in the trace, so that the history of a failure can show it.
 */
import type { Simulation } from 'dryrunner';

/** One of `options`; the first is `weight` times as likely as each of the others. */
export function pick<T>(sim: Simulation, label: string, options: readonly T[], weight: number): T {
  const index = pickIndex(sim, label, options.length, weight);
  const option = options[index] as T;
  if (index > 0 && typeof option === 'string') sim.note(`${label}: ${option}`);
  return option;
}

/** An index below `n`; 0 is `weight` times as likely as each of the others. */
export function pickIndex(sim: Simulation, label: string, n: number, weight: number): number {
  const answer = sim.choose(label, n - 1 + weight);
  return answer < weight ? 0 : answer - weight + 1;
}

/** True once in `times`. */
export function rarely(sim: Simulation, label: string, times = 10): boolean {
  const isSo = sim.choose(label, times) === times - 1;
  if (isSo) sim.note(label);
  return isSo;
}
