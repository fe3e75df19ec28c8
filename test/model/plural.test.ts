import { expect, test } from 'vitest';
import { counted, formatCount, plural } from '../../src/model/plural.ts';

test.for([
  [0, 'timers'],
  [1, 'timer'],
  [2, 'timers'],
  [1_000, 'timers'],
] as const)('%i is followed by %s', ([count, noun]) => {
  expect(plural(count, 'timer')).toBe(noun);
});

test.for([
  [0, '0'],
  [999, '999'],
  [1_000, '1,000'],
  [12_345, '12,345'],
  [1_234_567, '1,234,567'],
  [1_000_000_000, '1,000,000,000'],
  [1_499.6, '1,500'],
] as const)('the count %d is written %s, on every machine', ([count, text]) => {
  expect(formatCount(count)).toBe(text);
  expect(counted(count, 'timer')).toBe(`${text} timers`);
});
