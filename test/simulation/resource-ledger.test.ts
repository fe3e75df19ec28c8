import { expect, test } from 'vitest';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { ResourceLedger } from '../../src/simulation/resource-ledger.ts';

type Change = 'acquired' | 'freed' | 'abandoned';

function change(type: Change, runner: string, runId: string, name = 'process'): TraceEvent {
  return { at: 1, type, runner, runId, resource: name === 'process' ? 'process' : 'waiter', name };
}

test('R204 runs of the same number on two runners are two: each holds and gives back its own', () => {
  const ledger = new ResourceLedger(true);
  for (const runner of ['a', 'b', 'a']) ledger.watch(change('acquired', runner, '0'));
  ledger.watch(change('acquired', 'b', '', 'wait 0'));
  ledger.watch(change('freed', 'b', '0'));
  ledger.watch(change('abandoned', 'b', '0'));
  ledger.watch(change('freed', 'a', '', 'wait 0'));
  expect(ledger.count).toBe(3);
  expect(ledger.describe(9).map((line) => line.split('\n')[0])).toEqual([
    'the process of run 0 on a, since 1 ms',
    'the process of run 0 on a, since 1 ms',
    'the wait 0 on b, since 1 ms',
  ]);
  expect(ledger.describe(1)).toHaveLength(1);
  for (const runner of ['a', 'a', 'a']) ledger.watch(change('freed', runner, '0'));
  ledger.watch(change('freed', 'b', '', 'wait 0'));
  expect([ledger.count, ledger.describe(9)]).toEqual([0, []]);
});

test('R204 a look at what one runner gives back does not go through what others of the same run number hold', () => {
  const ledger = new ResourceLedger();
  let looks = 0;
  const runners = Array.from({ length: 100 }, (_, index) => `runner-${index}`);
  for (const runner of runners) {
    const held = change('acquired', runner, '0');
    ledger.watch(
      Object.defineProperty({ ...held }, 'name', {
        get: () => {
          looks += 1;
          return 'process';
        },
      }),
    );
  }
  looks = 0;
  for (const runner of runners.toReversed()) ledger.watch(change('freed', runner, '0'));
  expect([ledger.count, looks]).toEqual([0, runners.length]);
});
