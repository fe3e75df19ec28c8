import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, sortedKeys } from '../../src/trace/canonical-json.ts';

/** The same by `JSON.stringify` alone. */
function byReplacer(value: unknown): string {
  return JSON.stringify(value, (_key, held: unknown) => {
    if (typeof held !== 'object' || held === null || Array.isArray(held) || held instanceof Number) {
      return held;
    }
    return Object.fromEntries(sortedKeys(held).map((key) => [key, (held as Record<string, unknown>)[key]]));
  });
}

/** Data beside what JSON leaves out, changes, or lists in an order of its own. */
const anyData = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.constantFrom<unknown>(
      true,
      false,
      null,
      undefined,
      () => 1,
      Symbol('s'),
      new Date(0),
      new Map([[1, 2]]),
      /x/,
    ),
    fc.constantFrom<unknown>(
      Object.assign([1], { toJSON: () => 'own' }),
      { toJSON: () => 'made' },
      Object(3),
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('10', '9', '09', '1a', '__proto__', 'é', '\u{1F600}', '\uFFFF')),
      tie('value'),
      { maxKeys: 5, noNullPrototype: false },
    ),
  ),
})).value;

describe('canonical JSON', () => {
  test('is what JSON.stringify writes for objects whose keys are sorted', () => {
    fc.assert(
      fc.property(anyData, (value) => {
        expect(canonicalJson([value])).toBe(byReplacer([value]));
      }),
      { numRuns: 2_000 },
    );
  });

  test.for([2, 33, 1_500])('sorts %i keys', (count) => {
    const keys = Array.from({ length: count }, (_, at) => `k${(at * 7) % count}`);
    const value = Object.fromEntries(keys.map((key) => [key, 0]));
    expect(canonicalJson(value)).toBe(
      `{${[...new Set(keys)]
        .sort()
        .map((key) => `"${key}":0`)
        .join(',')}}`,
    );
  });

  test('does not depend on the order in which keys were set', () => {
    expect(canonicalJson({ b: 1, a: { d: [], c: -0 } })).toBe('{"a":{"c":0,"d":[]},"b":1}');
    expect(canonicalJson({ a: { c: -0, d: [] }, b: 1 })).toBe('{"a":{"c":0,"d":[]},"b":1}');
  });

  test('lists keys that are indexes first, by number', () => {
    expect(canonicalJson({ b: 0, 10: 0, 9: 0 })).toBe('{"9":0,"10":0,"b":0}');
  });

  test.each([
    ['a cycle', Object.assign([] as unknown[], { 0: 1 })],
    ['a bigint', { a: 1n }],
  ])('refuses %s', (name, value) => {
    if (name === 'a cycle') (value as unknown[]).push(value);
    expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT' }));
  });
});
