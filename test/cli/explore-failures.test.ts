import { expect, test } from 'vitest';
import { shrinkTimeMs } from '../../src/cli/explore-failures.ts';

test.for([
  [120_000, 1, 30_000],
  [120_000, 4, 30_000],
  [120_000, 40, 3_000],
  [9_000, 3, 3_000],
  [120_000, 1_000, 1_000],
  [-5, 2, 1_000],
] as const)('of %i ms for %i failures the next one gets %i ms to be made small', ([left, count, ms]) => {
  expect(shrinkTimeMs(left, count)).toBe(ms);
});
