import { expect, test } from 'vitest';
import { Cancellation } from '../../src/model/cancellation.ts';
import { composeFiler } from '../../src/filers/composed-filer.ts';

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
