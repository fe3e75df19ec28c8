import fc from 'fast-check';
import { expect, test } from 'vitest';
import { valueText } from '../../../src/explore/explain/value-text.ts';

const cycle: unknown[] = [];
cycle.push(cycle);

test.each<[name: string, value: unknown, text: string]>([
  ['a text', 'a "b"', '"a \\"b\\""'],
  ['a command', { argv: ['sleep 5'], timeoutMs: 3 }, '{"argv":["sleep 5"],"timeoutMs":3}'],
  ['a bigint', 5n, '5n'],
  ['a bigint within', [5n], '[5n]'],
  ['no number', NaN, 'NaN'],
  ['no number within', [Infinity], '[Infinity]'],
  ['zero from below', -0, '-0'],
  ['zero from below within', { a: [-0, 0, '-0'] }, '{"a":[-0,0,"-0"]}'],
  ['zero from below among numbers', Float64Array.of(-0), '[-0]'],
  ['nothing', undefined, 'undefined'],
  ['nothing within', [undefined, null, 'undefined'], '[undefined,null,"undefined"]'],
  ['a field that is not set', { a: undefined }, '{}'],
  ['a date', new Date(5), '"1970-01-01T00:00:00.005Z"'],
  ['no date', new Date(NaN), 'Invalid Date'],
  ['no date within', { a: new Date(NaN) }, '{"a":Invalid Date}'],
  ['a symbol within', [Symbol('s')], '[Symbol(s)]'],
  ['a text like the place of a word', [NaN, '\u00000', '\u0000x'], '[NaN,"\\u00000","\\u0000x"]'],
  ['a set', new Set([1, 2]), '[1,2]'],
  ['a map', new Map([['a', 1]]), '[["a",1]]'],
  ['bytes', Uint8Array.of(1, 255), '[1,255]'],
  ['a function', () => 0, 'a function'],
  ['a cycle', cycle, 'an array of 1'],
])('%s reads as written', (_name, value, text) => {
  expect(valueText(value)).toBe(text);
});

test('a value is cut where its reader wants', () => {
  const digits = '0123456789'.repeat(30);
  expect([valueText(digits).length, valueText(digits, 200).length, valueText(digits, 400)]).toEqual([
    ...[101, 201],
    JSON.stringify(digits),
  ]);
});

test('property: any value is one short line, and plain data that is short can be read back', () => {
  fc.assert(
    fc.property(
      fc.anything({ withBigInt: true, withTypedArray: true, withMap: true, withSet: true }),
      (value) => {
        const text = valueText(value);
        expect(text.length).toBeLessThanOrEqual(101);
        expect(text).not.toMatch(/[\n\r]/);
      },
    ),
  );
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 1, noUnicodeString: true }), (value) => {
      const text = valueText(value);
      fc.pre(text.length <= 100);
      expect(JSON.parse(text)).toEqual(value);
    }),
  );
});
