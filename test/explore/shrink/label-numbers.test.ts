import { expect, test } from 'vitest';
import {
  numberedThingsIn,
  withNumber,
  withSwappedThings,
} from '../../../src/explore/shrink/label-numbers.ts';

test.for([
  [
    'client 0 job of round 12',
    [
      ['client ', 0],
      ['round ', 12],
    ],
  ],
  ['run/3 deadline', [['run/', 3]]],
  [
    'n1 crash at n1 run job-7 fault',
    [
      ['n', 1],
      ['n', 1],
      ['job-', 7],
    ],
  ],
  ['scenario sleep', []],
  ['7', [['', 7]]],
] as const)('"%s" is about %o', ([label, things]) => {
  expect(numberedThingsIn(label).map(({ word, number }) => [word, number])).toEqual(things);
});

test('things of one word change places, and what else has their numbers stays', () => {
  expect(withSwappedThings('client 0 thinks in round 1', 'client ', 0, 1)).toBe('client 1 thinks in round 1');
  expect(withSwappedThings('client 1 thinks in round 1', 'round ', 1, 0)).toBe('client 1 thinks in round 0');
  expect(withSwappedThings('client 12 thinks', 'client ', 1, 0)).toBe('client 12 thinks');
  expect(withNumber('client 1 thinks in round 1', 1, 0)).toBe('client 0 thinks in round 0');
});
