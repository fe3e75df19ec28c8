import { expect, test } from 'vitest';
import { plural } from '../../src/model/plural.ts';

test.for([
  [0, 'timers'],
  [1, 'timer'],
  [2, 'timers'],
  [1_000, 'timers'],
] as const)('behind %i stands %s', ([count, noun]) => {
  expect(plural(count, 'timer')).toBe(noun);
});
