// Quantities as people read them.
import { expect, test } from 'vitest';
import { formatSize, formatSpan, parseSpanMs } from '../../src/cli/quantity-text.ts';

test.for([
  [0, '0 B'],
  [1_023, '1023 B'],
  [1_024, '1.0 KiB'],
  [1_023 * 1_024, '1023.0 KiB'],
  [1_024 ** 2 - 1, '1.0 MiB'],
  [1_024 ** 2, '1.0 MiB'],
  [1_024 ** 3 - 1, '1.0 GiB'],
  [2.5 * 1_024 ** 3, '2.5 GiB'],
] as const)('%d bytes are %s: no unit has 1024 of itself', ([bytes, text]) => {
  expect(formatSize(bytes)).toBe(text);
});

test.for([
  [0, '0 ms'],
  [0.25, '0.3 ms'],
  [999, '999 ms'],
  [999.5, '1.0 s'],
  [1_000, '1 s'],
  [59_949, '59.9 s'],
  [59_999, '1.0 min'],
  [60_000, '1 min'],
  [3_599_999, '1.0 h'],
  [3_600_000, '1 h'],
  [86_399_999, '1.0 d'],
  [100.4 * 86_400_000, '100 d'],
] as const)('%d ms are %s: no unit has as many of itself as the next one is', ([ms, text]) => {
  expect(formatSpan(ms)).toBe(text);
});

test.for([
  ['0.2', 200],
  ['300', 300_000],
  ['200ms', 200],
  ['1.5s', 1_500],
  ['2m', 120_000],
  ['2min', 120_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  [' 5s ', 5_000],
] as const)('the duration %j is %d ms: a number alone is seconds', ([text, ms]) => {
  expect(parseSpanMs(text)).toBe(ms);
});

test('any other text, and a number beyond all, is not a duration', () => {
  for (const text of ['', 's', '.5', '-1', '1e3', '5 s', '5S', '1h30m', '9'.repeat(400)]) {
    expect([text, parseSpanMs(text)]).toEqual([text, undefined]);
  }
});
