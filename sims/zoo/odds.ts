/** Draws in which the ordinary is more likely than anything odd, as in life; answer 0 is the ordinary. Explanations show what was drawn. */
import type { Label, Simulation } from 'dryrunner';

/** One of `options`; the first is `weight` times as likely as each of the others. */
export function pick<T>(
  sim: Simulation,
  label: Label,
  options: readonly T[],
  weight: number,
  inWords: (option: T) => unknown = (option) => option ?? 'none',
): T {
  const index = pickIndex(sim, label, options.length, weight, (at) => inWords(options[at] as T));
  return options[index] as T;
}

/** An index below `n`; 0 is `weight` times as likely as each of the others. `inWords` says what an index stands for. */
export function pickIndex(
  sim: Simulation,
  label: Label,
  n: number,
  weight: number,
  inWords: (index: number) => unknown,
): number {
  const indexOf = (answer: number): number => (answer < weight ? 0 : answer - weight + 1);
  return indexOf(sim.choose(label, n - 1 + weight, (answer) => inWords(indexOf(answer))));
}

/** True once in `times`. */
export function rarely(sim: Simulation, label: Label, times = 10): boolean {
  return sim.choose(label, times, (answer) => (answer === times - 1 ? 'yes' : 'no')) === times - 1;
}

/** One of `n` times that are `stepMs` apart, the first of them `fromMs`. */
export function pickMs(sim: Simulation, label: Label, n: number, stepMs: number, fromMs = 0): number {
  return fromMs + sim.choose(label, n, (answer) => `${fromMs + answer * stepMs} ms`) * stepMs;
}

/** From 1 to `most`. */
export function pickCount(sim: Simulation, label: Label, most: number): number {
  return 1 + sim.choose(label, most, (answer) => `${1 + answer} in all`);
}
