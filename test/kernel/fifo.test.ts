import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fifo } from '../../src/kernel/fifo.ts';

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
        expect(fifo.size).toBe(list.length);
      }
    }),
  );
});

test('however many wait, no more are moved than were taken', () => {
  const fifo = new Fifo<Item>();
  for (let n = 0; n < 1_000; n += 1) fifo.push({ n });
  for (let n = 0; n < 5_000; n += 1) {
    expect(fifo.shift()).toEqual({ n: n % 1_000 });
    fifo.push({ n: n % 1_000 });
    expect(fifo.moved).toBeLessThanOrEqual(n + 1);
  }
  expect(fifo.size).toBe(1_000);
});
