// Quantities as people read them.
import { expect, test } from 'vitest';
import { formatSize } from '../../src/cli/quantity-text.ts';

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
