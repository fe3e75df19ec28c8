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
  faults.add('descendants', new Error('2 outlived the command and had to be killed'));
  expect(firstLossIn(faults.list())).toBeUndefined();
  expect(firstLossIn(undefined)).toBeUndefined();
});

test('R123 the first loss is kept behind however many other faults, and no later one', () => {
  const faults = new FaultLog();
  for (let check = 0; check < 20; check += 1) faults.add('metrics', new Error('no scrape'));
  faults.addLoss('stdout sink', new Error('disk full'));
  faults.addLoss('stdout sink', new Error('later'));
  faults.add('metrics', new Error('no scrape'));
  expect(firstLossIn(faults.list())).toBe('disk full');
  expect(faults.list()).toEqual([
    ...Array<string>(16).fill('metrics: no scrape'),
    'stdout sink: disk full',
    'and 6 more',
  ]);
});
