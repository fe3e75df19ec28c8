import { expect, test } from 'vitest';
import { hangText } from '../../src/threads/lost-execution.ts';

test.for([
  [0, '0.001'],
  [1.2, '0.001'],
  [43.6, '0.044'],
  [400, '0.4'],
  [16_432, '16.4'],
  [40_000, '40'],
] as const)('a silence of %d ms is one of %s s', ([silentMs, seconds]) => {
  expect(hangText(silentMs)).toBe(
    `the execution made no progress for ${seconds} s: a loop that never ends nor waits`,
  );
});
