import { expect, test } from 'vitest';
import { factLine, factText } from '../../src/simulation/failure-fact.ts';
import { ResourceLedger } from '../../src/simulation/resource-ledger.ts';

test('R204 runs of the same number on two runners are separate: each holds and gives back its own', () => {
  const ledger = new ResourceLedger(true);
  for (const runner of ['a', 'b', 'a']) ledger.acquired(1, runner, '0', 'process', 'process');
  ledger.acquired(1, 'b', '', 'waiter', 'wait 0');
  ledger.freed('b', '0', 'process', 'process');
  ledger.freed('b', '0', 'process', 'process');
  ledger.freed('a', '', 'waiter', 'wait 0');
  expect(ledger.count).toBe(3);
  expect(ledger.describe(9).map(factLine)).toEqual([
    'the process of run 0 on a, since 1 ms (2 times)',
    'the wait 0 on b, since 1 ms',
  ]);
  expect(ledger.describe(1)).toHaveLength(1);
  for (let i = 0; i < 3; i += 1) ledger.freed('a', '0', 'process', 'process');
  ledger.freed('b', '', 'waiter', 'wait 0');
  expect([ledger.count, ledger.describe(9)]).toEqual([0, []]);
});

test('R204 runs that take and give back by turns each keep what they hold', () => {
  const ledger = new ResourceLedger();
  for (const runId of ['0', '1', '2']) {
    ledger.acquired(1, 'a', runId, 'checkout', 'tempdir');
    ledger.acquired(2, 'a', '0', 'output', `of ${runId}`);
    ledger.acquired(3, 'a', runId, 'process', 'process');
  }
  ledger.freed('a', '1', 'checkout', 'tempdir');
  ledger.freed('a', '0', 'output', 'of 1');
  ledger.freed('a', '2', 'output', 'of 1');
  ledger.freed('a', '2', 'process', 'process');
  expect(ledger.count).toBe(6);
  expect(ledger.describe(9).map(factText).toSorted()).toEqual([
    'checkout tempdir of run 0 on a, since 1 ms',
    'checkout tempdir of run 2 on a, since 1 ms',
    'output of 0 of run 0 on a, since 2 ms',
    'output of 2 of run 0 on a, since 2 ms',
    'the process of run 0 on a, since 3 ms',
    'the process of run 1 on a, since 3 ms',
  ]);
});

test('R204 a give-back on one runner does not scan what runs of the same number on others hold', () => {
  const ledger = new ResourceLedger();
  const runners = Array.from({ length: 100 }, (_, index) => `runner-${index}`);
  for (const runner of runners) ledger.acquired(1, runner, '0', 'process', 'process');
  for (const runner of runners.toReversed()) ledger.freed(runner, '0', 'process', 'process');
  expect([ledger.count, ledger.looks]).toEqual([0, runners.length]);
});

test('R211 waits are described, however many other things were acquired before', () => {
  const ledger = new ResourceLedger();
  for (let run = 0; run < 9; run += 1) ledger.acquired(1, 'a', `${run}`, 'process', 'process');
  ledger.acquired(2, 'z', '0', 'waiter', 'wait on run 0');
  ledger.acquired(2, 'z', '1', 'waiter', 'wait on run 1');
  expect(ledger.describe(1, 'waits').map(factText)).toEqual(['the wait on run 0 of run 0 on z, since 2 ms']);
  expect(ledger.describe(9, 'waits')).toHaveLength(2);
  expect([ledger.describe(5, 'things').length, ledger.describe(5).length]).toEqual([5, 5]);
});
