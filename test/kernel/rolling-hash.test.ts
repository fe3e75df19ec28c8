import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RollingHash, createRollingHash } from '../../src/kernel/rolling-hash.ts';

type Value = number | string | Uint8Array;

function hashOf(...values: readonly Value[]): string {
  const hash = createRollingHash();
  for (const value of values) {
    if (typeof value === 'number') hash.addNumber(value);
    else if (typeof value === 'string') hash.addString(value);
    else hash.addBytes(value);
  }
  return hash.digest();
}

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }),
  fc.string(),
  fc.uint8Array({ maxLength: 9 }),
);

describe('the rolling hash', () => {
  test('golden digests', () => {
    expect(hashOf()).toBe('5e4e52e05b0ce4c1');
    expect(hashOf(1, -1, 2 ** 31, -(2 ** 31) - 1, Number.MAX_SAFE_INTEGER)).toBe('fa19d08001da72d9');
    expect(hashOf(0.1, -1e300, Infinity, -Infinity, NaN, 2 ** 60)).toBe('d04bc35e750b744b');
    expect(hashOf('', 'PENDING', 'π', 'x'.repeat(500))).toBe('b7234b24b70768fd');
    expect(hashOf(Uint8Array.of(), Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 3, 4, 255))).toBe(
      'b2342b9952017d1e',
    );
  });

  test('is 16 hexadecimal characters and depends only on the values', () => {
    fc.assert(
      fc.property(fc.array(value), (values) => {
        const digest = hashOf(...values);
        expect(digest).toMatch(/^[0-9a-f]{16}$/);
        expect(hashOf(...values)).toBe(digest);
      }),
    );
  });

  test('adding, removing, swapping or changing a value changes the digest', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), value, fc.nat(), (values, other, at) => {
        const digest = hashOf(...values);
        const place = at % values.length;
        expect(hashOf(...values, other)).not.toBe(digest);
        expect(hashOf(other, ...values)).not.toBe(digest);
        expect(hashOf(...values.slice(1))).not.toBe(digest);
        if (Object.is(values[place], other) || values[place] === other) return;
        const isSameBytes =
          JSON.stringify(values[place]) === JSON.stringify(other) && typeof other === 'object';
        if (!isSameBytes) expect(hashOf(...values.with(place, other))).not.toBe(digest);
      }),
    );
  });

  test('distinguishes kinds of values, and where one ends', () => {
    const lists: Value[][] = [
      [1],
      ['1'],
      [Uint8Array.of(1)],
      [1.5],
      ['ab', 'c'],
      ['a', 'bc'],
      ['abc'],
      [Uint8Array.of(1, 2), Uint8Array.of(3)],
      [Uint8Array.of(1), Uint8Array.of(2, 3)],
      [Uint8Array.of(1, 2, 3)],
      [0],
      [0, 0],
      [],
      [''],
      ['', ''],
      [2 ** 32],
      [2 ** 32 + 1],
      [2 ** 53],
    ];
    expect(new Set(lists.map((values) => hashOf(...values))).size).toBe(lists.length);
  });

  test('0 and -0 are the same, and so are all NaN', () => {
    expect(hashOf(-0)).toBe(hashOf(0));
    expect(hashOf(NaN)).toBe(hashOf(Number('x')));
  });

  test('has no collision among 150,000 neighbours', () => {
    const digests = new Set<string>();
    for (let i = 0; i < 300; i++) for (let j = 0; j < 300; j++) digests.add(hashOf(i, j));
    for (let i = 0; i < 30_000; i++) digests.add(hashOf(`run/${i}`)).add(hashOf(i / 7));
    expect(digests.size).toBe(300 * 300 + 2 * 30_000);
  });

  test('more strings than are interned change nothing', () => {
    const before = hashOf('first', 'second');
    const hash = new RollingHash();
    for (let i = 0; i < 40_000; i++) hash.addString(`filler ${i}`);
    expect(hashOf('first', 'second')).toBe(before);
  });

  test('continues after a digest as if there had been none', () => {
    const hash = createRollingHash();
    hash.addNumber(1);
    expect(hash.digest()).toBe(hashOf(1));
    hash.addNumber(2);
    expect(hash.digest()).toBe(hashOf(1, 2));
  });
});
