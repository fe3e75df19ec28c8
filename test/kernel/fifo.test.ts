import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fifo } from '../../src/kernel/fifo.ts';
import { movedItems } from '../moved-items.ts';

interface Item {
  readonly n: number;
}

test('a queue gives what an array gives, whatever is added and taken when', () => {
  const bursts = fc.array(fc.tuple(fc.nat(100), fc.nat(100)), { maxLength: 20 });
  fc.assert(
    fc.property(bursts, (steps) => {
      const fifo = new Fifo<Item>();
      const list: Item[] = [];
      for (const [added, taken] of steps) {
        for (let n = 0; n < added; n += 1) {
          const item = { n };
          fifo.push(item);
          list.push(item);
        }
        for (let left = taken; left > 0; left -= 1) expect(fifo.shift()).toBe(list.shift());
        expect([fifo.size, fifo.first]).toEqual([list.length, list[0]]);
      }
      expect([...fifo]).toEqual(list);
    }),
  );
});

test('however many wait, no more are moved than were taken', async () => {
  const fifo = new Fifo<Item>();
  for (let n = 0; n < 1_000; n += 1) fifo.push({ n });
  const taken: (number | undefined)[] = [];
  const moved = await movedItems(() => {
    for (let n = 1_000; n < 6_000; n += 1) {
      taken.push(fifo.shift()?.n);
      fifo.push({ n });
    }
  });
  expect(moved).toBeLessThanOrEqual(5_000);
  expect(taken).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
  expect(fifo.size).toBe(1_000);
});
