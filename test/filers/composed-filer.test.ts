import { expect, test } from 'vitest';
import { Cancellation } from '../../src/model/cancellation.ts';
import { composeFiler } from '../../src/filers/composed-filer.ts';
import { createCountingUpdater } from '../../src/filers/counting-updater.ts';
import { createSimFiler, type SimFiler } from '../../src/filers/sim-filer.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';

test('R170 a composed filer passes each call and its cancellation to the part it belongs to', () => {
  const calls: unknown[][] = [];
  const cancel = new Cancellation();
  const taker =
    <T>(part: string, answer: T) =>
    (...args: unknown[]): T => {
      calls.push([part, ...args]);
      return answer;
    };
  const checkout = { path: '/p', id: 'a', release: (): void => {} };
  const parts = {
    checkouter: { checkout: taker('checkout', checkout), checkoutAt: taker('checkoutAt', checkout) },
    ingester: { ingest: taker('ingest', '7'), ingestMap: taker('ingestMap', '8') },
    updater: { updateIntervalMs: 9, update: taker('update', undefined) },
  };
  const filer = composeFiler({ ...parts, cancelBoundMs: 3 });
  const paths = new Map([['/a', 'b']]);
  expect([
    filer.checkout('a', cancel),
    filer.checkoutAt('a', '/d', cancel),
    filer.ingest('/a', cancel),
    filer.ingestMap(paths, cancel),
    filer.update(cancel),
  ]).toEqual([checkout, checkout, '7', '8', undefined]);
  expect(calls).toEqual([
    ['checkout', 'a', cancel],
    ['checkoutAt', 'a', '/d', cancel],
    ['ingest', '/a', cancel],
    ['ingestMap', paths, cancel],
    ['update', cancel],
  ]);
  expect([filer.updateIntervalMs, filer.cancelBoundMs, composeFiler(parts).cancelBoundMs]).toEqual([9, 3, 0]);
});

test('R199 a composed filer takes as long to honour cancellation as its slowest part states', () => {
  const [slow, slower] = [3, 5].map((cancelMs) =>
    createSimFiler({ clock: createVirtualClock(), plan: { checkout: [{ cancelMs }] } }),
  ) as [SimFiler, SimFiler];
  const updater = createCountingUpdater();
  expect([
    composeFiler({ checkouter: slow, ingester: slower, updater }).cancelBoundMs,
    composeFiler({ checkouter: slower, ingester: slow, updater }).cancelBoundMs,
    composeFiler({ checkouter: slow, ingester: slow, updater: slower }).cancelBoundMs,
    composeFiler({ checkouter: slow, ingester: slow, updater, cancelBoundMs: 1 }).cancelBoundMs,
  ]).toEqual([5, 5, 5, 1]);
});
