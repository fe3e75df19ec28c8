import { expect, test } from 'vitest';
import { formatDetails } from '../../../src/explore/explain/failing-text.ts';

test("of a stack below a detail, the user's lines are shown and none of the engine", () => {
  const detail = [
    'a real timer, called here',
    '    at new Promise (<anonymous>)',
    '    at Locks.grant (/home/ann/locks.ts:3:37)',
    '    at Promise.all (index 0)',
    '    at Array.map (native)',
    '    at process.processImmediate (node:internal/timers:485:21)',
  ].join('\n');
  expect(formatDetails([detail, 'they meet at noon (index 0 of 3)']).map(({ text }) => text)).toEqual([
    '    a real timer, called here',
    '      Locks.grant (/home/ann/locks.ts:3:37)',
    '    they meet at noon (index 0 of 3)',
  ]);
});
