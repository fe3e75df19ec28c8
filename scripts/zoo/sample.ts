// A sample of the zoo, drawn by a seed: the same seed draws the same bugs in the same order, and no bug twice.
import { createRandomStream } from '../../src/kernel/seeded-random.ts';

/** `count` of `items`, or all of them in another order if there are no more. */
export function drawSample<T>(items: readonly T[], count: number, seed: string): T[] {
  const random = createRandomStream(seed).fork('zoo sample');
  const left = [...items];
  const drawn: T[] = [];
  while (drawn.length < count && left.length > 0) drawn.push(...left.splice(random.int(left.length), 1));
  return drawn;
}
