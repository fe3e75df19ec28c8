import { expect, test } from 'vitest';
import { KeptEnds, KeptStack } from '../../../src/explore/explain/kept-stack.ts';

test('of many, only the first and the last ten thousand are kept, and the others dropped once', () => {
  const forgotten: number[] = [];
  const kept = new KeptEnds<number>((item) => forgotten.push(item));
  for (let item = 0; item < 45_000; item += 1) kept.add(item);
  expect(forgotten).toEqual(Array.from({ length: 25_000 }, (_, index) => 10_000 + index));
});

test('a stack is read on request, and empty once dropped', () => {
  const taken = new Error('place');
  let reads = 0;
  Object.defineProperty(taken, 'stack', { get: () => `read ${(reads += 1)}` });
  const stack = new KeptStack(taken);
  expect(reads).toBe(0);
  expect(stack.text).toBe('read 1');
  stack.forget();
  expect(stack.text).toBe('');
});
