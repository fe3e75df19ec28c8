import { expect, test } from 'vitest';
import { nearestName } from '../../src/kernel/nearest-name.ts';

const NAMES = ['seed', 'maxEvents', 'maxMs', 'scenario'];

test.each([
  ['seeds', 'seed'],
  ['sed', 'seed'],
  ['sede', 'seed'],
  ['MAXEVENTS', 'maxEvents'],
  ['maxevent', 'maxEvents'],
  ['maxM', 'maxMs'],
  // Of eight letters three may differ.
  ['scenXXXX', undefined],
  ['scenarXX', 'scenario'],
  ['x', undefined],
  ['', undefined],
  ['executions', undefined],
])('of four names, %j is nearest to %s', (typed, name) => {
  expect(nearestName(typed, NAMES)).toBe(name);
});

test('of names that are as near the first is taken, and a swap counts as one letter', () => {
  expect(nearestName('ab', ['ac', 'ad'])).toBe('ac');
  expect(nearestName('abcd', ['abdd', 'abdc'])).toBe('abdd');
  expect(nearestName('ab', ['ba'])).toBe('ba');
});
