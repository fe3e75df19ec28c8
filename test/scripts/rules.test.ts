import { describe, expect, test } from 'vitest';
import { projectRoot, readProjectFile } from '../../scripts/module-graph.ts';
import { definedNumbers, exemptDefects } from '../../scripts/numbered-pages.ts';
import { leadingNumbers, summarize } from '../../scripts/test-results.ts';

const upTo = (letter: string, last: number): string[] =>
  Array.from({ length: last }, (_, index) => `${letter}${index + 1}`);

describe('the numbered pages', () => {
  test('define every rule and every defect', () => {
    expect(definedNumbers('R')).toEqual(upTo('R', 212));
    expect(definedNumbers('D')).toEqual(upTo('D', 103));
  });

  test('name only rules that exist, and give a reason for each defect without a test', () => {
    const rules = new Set(definedNumbers('R'));
    const named = readProjectFile('docs/defects.md').match(/\bR\d+\b/g) ?? [];
    expect(named.filter((rule) => !rules.has(rule))).toEqual([]);
    for (const reason of exemptDefects().values()) expect(reason.length).toBeGreaterThan(20);
  });
});

describe('the numbers of a test', () => {
  test.for([
    ['R36 R37 D4 a wait ends at once', ['R36', 'R37', 'D4']],
    ['R36: a wait ends at once', ['R36']],
    ['R1, R2 states', ['R1', 'R2']],
    ['D90', ['D90']],
    ['a wait as R36 says', []],
    ['Reads R1', []],
    ['R1x is not a rule', []],
  ] as const)('of `%s` are %o', ([title, numbers]) => {
    expect(leadingNumbers(title)).toEqual(numbers);
  });

  test('also come from its groups, count only if it passed, and a file that failed to load is one failure', () => {
    const result = (title: string, status: string) => ({ ancestorTitles: ['R1 group'], title, status });
    const outcome = summarize({
      testResults: [
        {
          name: 'a.test.ts',
          status: 'failed',
          assertionResults: [result('R2 a', 'passed'), result('R3 b', 'failed')],
        },
        { name: 'b.test.ts', status: 'failed', assertionResults: [] },
        { name: 'c.test.ts', status: 'passed', assertionResults: [result('R4 c', 'skipped')] },
      ],
    });
    expect(outcome).toEqual({
      passed: 1,
      failed: 2,
      proving: [{ file: 'a.test.ts', title: 'R2 a', numbers: ['R1', 'R2'] }],
    });
  });

  test('do not count in tests of the zoo, whose titles name its bugs', () => {
    const fileOf = (name: string, title: string) => ({
      name: `${projectRoot}/${name}`,
      status: 'passed',
      assertionResults: [{ ancestorTitles: [], title, status: 'passed' }],
    });
    const { passed, proving } = summarize({
      testResults: [
        fileOf('test/zoo/catalog.test.ts', 'D98 can be planted in the code as it is'),
        fileOf('test/filers/zoo.test.ts', 'D98 a release removes all'),
      ],
    });
    expect(passed).toBe(2);
    expect(proving.map(({ file }) => file)).toEqual(['test/filers/zoo.test.ts']);
  });
});
