import { expect, test } from 'vitest';
import { explainTimeMs, shrinkTimeMs, shrinkTimeOfAllMs } from '../../src/cli/failure-handler.ts';

test.for([
  [120_000, 1, 30_000],
  [120_000, 4, 30_000],
  [120_000, 40, 3_000],
  [9_000, 3, 3_000],
  [120_000, 1_000, 1_000],
  [-5, 2, 1_000],
] as const)('of %i ms for %i failures the next one gets %i ms for shrinking', ([left, count, ms]) => {
  expect(shrinkTimeMs(left, count)).toBe(ms);
});

test('N8: shrinking all failures takes no longer than the exploration was to take, within limits', () => {
  const times = [600_000, 30_000, 1_000].map((time) => shrinkTimeOfAllMs({ time }));
  expect(times).toEqual([120_000, 30_000, 10_000]);
  expect(shrinkTimeOfAllMs({})).toBe(60_000);
  expect(shrinkTimeOfAllMs({ executions: 5 })).toBe(120_000);
});

test.for([
  [undefined, 30_000, 10_000],
  [5_000, 30_000, 10_000],
  [180_000, 30_000, 60_000],
  [180_000, 60_000, 30_000],
] as const)('%s ms instead of %i ms leave %i ms for explaining', ([timeMs, usualMs, explainMs]) => {
  expect(explainTimeMs(timeMs, usualMs)).toBe(explainMs);
});
