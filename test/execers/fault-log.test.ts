// What a reader of the faults of a process learns about lost output.
import { expect, test } from 'vitest';
import { FaultLog, firstLossIn, type LossPlace } from '../../src/execers/fault-log.ts';

test.each<[LossPlace, string]>([
  ['stdout', 'stdout: broke'],
  ['stdout sink', 'broke'],
  ['stdout cut', 'stdout cut: broke'],
  ['stderr', 'stderr: broke'],
  ['stderr sink', 'broke'],
  ['stderr cut', 'stderr cut: broke'],
  ['output', 'output: broke'],
])('R123 a loss in %s is found again among other faults, the first one first', (place, text) => {
  const faults = new FaultLog();
  faults.add('process table', new Error('stdout: broke'));
  faults.addLoss(place, new Error('broke'));
  faults.addLoss('stderr', new Error('later'));
  expect(firstLossIn(faults.list())).toBe(text);
});

test('a list without losses, or no list, has none', () => {
  const faults = new FaultLog();
  faults.add('descendants', new Error('2 outlived the command and were killed'));
  expect(firstLossIn(faults.list())).toBeUndefined();
  expect(firstLossIn(undefined)).toBeUndefined();
});
