/** Draws in which the ordinary is more likely than anything odd, as in life; answer 0 is the ordinary. Explanations show what was drawn. */
import type { Label, Simulation } from 'dryrunner';
import { topicOf } from 'dryrunner/kernel';

/**
 * How explanations join a label and its answer: `is` suits a noun, `"timeout" is 30 ms`. With `clause` the two are a
 * sentence as they stand: `client 0 waits` and `for 30 ms`.
 */
export type Joint = 'is' | 'clause';

/** One of `options`; the first is `weight` times as likely as each of the others. */
export function pick<T>(
  sim: Simulation,
  label: Label,
  options: readonly T[],
  weight: number,
  inWords: (option: T) => unknown = (option) => option ?? 'none',
  joint: Joint = 'is',
): T {
  const index = pickIndex(sim, label, options.length, weight, (at) => inWords(options[at] as T), joint);
  return options[index] as T;
}

/** An index below `n`; 0 is `weight` times as likely as each of the others. `inWords` says what an index stands for. */
export function pickIndex(
  sim: Simulation,
  label: Label,
  n: number,
  weight: number,
  inWords: (index: number) => unknown,
  joint: Joint = 'is',
): number {
  const indexOf = (answer: number): number => (answer < weight ? 0 : answer - weight + 1);
  const words = (answer: number): unknown => inWords(indexOf(answer));
  return indexOf(sim.choose(label, n - 1 + weight, joint === 'is' ? words : clauseOf(label, words)));
}

/** True once in `times`. */
export function rarely(sim: Simulation, label: Label, times = 10): boolean {
  return sim.choose(label, times, (answer) => (answer === times - 1 ? 'yes' : 'no')) === times - 1;
}

/**
 * One of `n` times that are `stepMs` apart, the first of them `fromMs`. `words` stand between the label and the time if
 * that makes a sentence, such as `for` between `client 0 waits` and `30 ms`.
 */
export function pickMs(
  sim: Simulation,
  label: Label,
  n: number,
  stepMs: number,
  fromMs = 0,
  words?: string,
): number {
  const msOf = (answer: number): number => fromMs + answer * stepMs;
  const between = words === undefined || words === '' ? '' : `${words} `;
  const inWords = (answer: number): string => `${between}${msOf(answer)} ms`;
  return msOf(sim.choose(label, n, words === undefined ? inWords : clauseOf(label, inWords)));
}

/** From `least` to `most`. */
export function pickCount(sim: Simulation, label: Label, most: number, least = 1): number {
  return least + sim.choose(label, most - least + 1, (answer) => `${least + answer} in all`);
}

/** Describes an answer by a sentence that begins with the label. */
function clauseOf(label: Label, inWords: (answer: number) => unknown): (answer: number) => unknown {
  const sentence = (answer: number): string => {
    const words = inWords(answer);
    return `${topicOf(label).text} ${typeof words === 'string' ? words : JSON.stringify(words)}`;
  };
  return Object.assign(inWords, { sentence });
}
