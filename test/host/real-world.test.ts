import { describe, expect, test } from 'vitest';
import { realWorld } from '../../src/host/real-world.ts';
import { createRandomStream } from '../../src/kernel/seeded-random.ts';

describe('the real world', () => {
  test('draws from the seed it is given', () => {
    const { random } = realWorld({ seed: 42 });
    const same = createRandomStream(42);
    expect([random.uint32(), random.fork('x').uint32()]).toEqual([same.uint32(), same.fork('x').uint32()]);
  });

  test('draws from the machine’s randomness without one', () => {
    expect(realWorld().random.uint32()).not.toBe(realWorld().random.uint32());
  });

  test('always takes the default choice', () => {
    const { choices } = realWorld();
    expect([1, 2, 100].map((n) => choices.choose('any', n))).toEqual([0, 0, 0]);
  });

  test.for([0, -1, 1.5, NaN, Infinity])('refuses to choose out of %d', (n) => {
    expect(() => realWorld().choices.choose('any', n)).toThrow(/n: expected an integer ≥ 1/);
  });

  test('runs on the machine’s time and has no tracer', () => {
    const { clock, tracer } = realWorld();
    expect(Math.abs(clock.epochMs + clock.now() - Date.now())).toBeLessThan(1000);
    expect(tracer).toBe(undefined);
  });
});
