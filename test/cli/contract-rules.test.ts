import { expect, test } from 'vitest';
import { rulesNamedIn } from '../../src/cli/contract-rules.ts';

test('the rules that a failure names are said in the words of the contract, each once', () => {
  const [first, second, ...more] = rulesNamedIn('R31 R2 query ended at 6 ms (R31), R999 is none');
  expect(first).toMatch(/^R31 Nothing matches and timeout > 0: wait for the first later accepted write/);
  expect(second).toMatch(/^R2 Terminal: COMPLETE, FAILED, ABORTED, TIMEDOUT and UNKNOWN/);
  expect(more).toEqual([]);
});

test('a failure that names no rule has nothing said', () => {
  expect(rulesNamedIn('an addition was lost, D31 and PR2 are no rules')).toEqual([]);
});
