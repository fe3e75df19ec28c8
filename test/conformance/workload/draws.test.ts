import { expect, test } from 'vitest';
import { Draws } from '../../../src/conformance/workload/draws.ts';
import type { DescribeAnswer } from '../../../src/kernel/decisions.ts';

/** What comes with the questions of all kinds of draws. */
function describedBy(isSetup: boolean): (DescribeAnswer | undefined)[] {
  const asked: (DescribeAnswer | undefined)[] = [];
  const choose = (_: unknown, _n: number, describe?: DescribeAnswer): number => {
    asked.push(describe);
    return 0;
  };
  const draws = new Draws({ choose }, 'barn', isSetup);
  draws.pick('doors', [1, 2], 2, String, (doors) => `the barn has ${doors} doors`);
  draws.rarely('roof');
  draws.count('beams', 1, 3);
  draws.of('loft').upTo('windows', 3, 1);
  return asked;
}

test.each([true, false])('whether draws are of the setup comes with each question: %s', (isSetup) => {
  expect(describedBy(isSetup).map((describe) => describe?.isSetup === true)).toEqual(Array(4).fill(isSetup));
});

test('a value has the sentence that it was given, and others have none', () => {
  const [doors, ...others] = describedBy(true);
  expect([0, 1, 2].map((answer) => doors?.sentence?.(answer))).toEqual(
    [1, 1, 2].map((count) => `the barn has ${count} doors`),
  );
  expect(others.map((describe) => describe?.sentence)).toEqual([undefined, undefined, undefined]);
});
