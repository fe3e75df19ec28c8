/** Counts who has drawn from a stream under one name: a fork of one name gives the same numbers each time. */
import type { RandomStream } from './random.ts';

const USES = new WeakMap<RandomStream, Map<string, number>>();

/** 1 for the first call with that stream and name, 2 for the second, and so on. */
export function nthUse(random: RandomStream, name: string): number {
  const uses = USES.get(random) ?? new Map<string, number>();
  USES.set(random, uses);
  const nth = (uses.get(name) ?? 0) + 1;
  uses.set(name, nth);
  return nth;
}

/** Takes back the use `nth` of that stream and name, if it was the latest: the next one gets its numbers. */
export function takeBackUse(random: RandomStream, name: string, nth: number): void {
  const uses = USES.get(random);
  if (uses?.get(name) === nth) uses.set(name, nth - 1);
}
