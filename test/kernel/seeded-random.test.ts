import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RandomStream } from '../../src/kernel/random.ts';
import { createRandomStream } from '../../src/kernel/seeded-random.ts';

function draws(stream: RandomStream, count = 8): number[] {
  return Array.from({ length: count }, () => stream.uint32());
}

describe('a seeded stream', () => {
  test('golden numbers of seed 42', () => {
    const stream = createRandomStream(42);
    expect(draws(stream, 4)).toEqual([539_588_113, 3_010_920_374, 1_535_276_063, 3_977_030_100]);
    expect([stream.float(), stream.int(6), stream.int(2 ** 32), stream.int(1)]).toEqual([
      0.9152781858574599, 5, 3_446_206_145, 0,
    ]);
    expect(draws(stream.fork('latency'), 2)).toEqual([3_876_972_698, 2_386_044_133]);
    expect(draws(stream.fork('latency').fork('disk'), 2)).toEqual([169_998_636, 1_440_667_382]);
  });

  test('depends only on the text of its seed', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true })), (seed) => {
        expect(draws(createRandomStream(seed))).toEqual(draws(createRandomStream(String(seed))));
      }),
    );
    const seeds = ['', '0', '1', '42', 'a', '42 ', '4', '2'];
    expect(new Set(seeds.map((seed) => draws(createRandomStream(seed)).join())).size).toBe(seeds.length);
  });

  test('a fork depends on seed and name, not on what was drawn, and leaves the parent alone', () => {
    const untouched = draws(createRandomStream('s'), 20);
    const parent = createRandomStream('s');
    const early = draws(parent.fork('child'));
    const drawn = draws(parent, 10);
    const late = draws(parent.fork('child'));
    expect(late).toEqual(early);
    expect([...drawn, ...draws(parent, 10)]).toEqual(untouched);
    expect(draws(parent.fork('other child'))).not.toEqual(early);
  });

  test('fork paths cannot collide', () => {
    const root = createRandomStream('s');
    const streams = [
      root,
      root.fork(''),
      root.fork('a/b'),
      root.fork('a').fork('b'),
      root.fork('a/1:b'),
      root.fork('a'),
      createRandomStream('s/1:a'),
    ];
    expect(new Set(streams.map((stream) => draws(stream).join())).size).toBe(streams.length);
  });

  test('integers are below n and uniform, also where 2^32 is no multiple of n', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 2 ** 32 }), (seed, n) => {
        const drawn = createRandomStream(seed).int(n);
        expect(Number.isInteger(drawn) && drawn >= 0 && drawn < n).toBe(true);
      }),
    );
    const stream = createRandomStream('uniform');
    // Of 3 · 2^30 values a plain remainder would give half of all draws to the lowest third.
    const low = Array.from({ length: 6000 }, () => stream.int(3 * 2 ** 30)).filter((x) => x < 2 ** 30);
    expect(low.length).toBeGreaterThan(1850);
    expect(low.length).toBeLessThan(2150);
  });

  test('floats lie in [0, 1)', () => {
    const stream = createRandomStream('floats');
    const floats = Array.from({ length: 10_000 }, () => stream.float());
    expect(Math.min(...floats)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...floats)).toBeLessThan(1);
    expect(floats.reduce((sum, x) => sum + x, 0) / floats.length).toBeCloseTo(0.5, 1);
  });

  test.for([0, -1, 1.5, NaN, 2 ** 32 + 1, undefined])('refuses %s alternatives', (n) => {
    expect(() => createRandomStream(1).int(n as number)).toThrow(
      expect.objectContaining({
        code: 'RUNNER_INVALID_ARGUMENT',
        expected: 'an integer in [1, 2^32]',
        actual: n,
      }),
    );
  });

  test.for([NaN, Infinity, undefined, null, {}, 1n])('refuses the seed %s', (seed) => {
    expect(() => createRandomStream(seed as never)).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', expected: 'a string or a finite number' }),
    );
  });

  test('refuses a fork without a name', () => {
    expect(() => createRandomStream(1).fork(undefined as never)).toThrow(
      'name: expected a string, got undefined',
    );
  });
});
