import { describe, expect, test } from 'vitest';
import { readProjectFile } from '../../scripts/module-graph.ts';
import { projectFiles } from './named-paths.ts';
import { indexRows, placeProblems } from './where-is-what.ts';

/** Longer rows are several questions. */
const LENGTH_MAX = 170;

const rows = indexRows(readProjectFile('ARCHITECTURE.md'));

describe('the index of ARCHITECTURE.md', () => {
  test('asks each question once, in a row that is short enough to read', () => {
    expect(rows.length).toBeGreaterThan(200);
    const questions = rows.map(({ question }) => question);
    expect(questions.filter((question, index) => questions.indexOf(question) !== index)).toEqual([]);
    expect(rows.filter(({ length }) => length > LENGTH_MAX).map(({ line }) => line)).toEqual([]);
  });

  test('names the deciding file first, others beside it, and names that are in them', () => {
    const files = projectFiles();
    const problems = rows.flatMap(({ line, places }) =>
      placeProblems(places, files, readProjectFile).map((problem) => `${line} ${problem}`),
    );
    expect(problems).toEqual([]);
  });

  test.for([
    ['`src/a/b.ts`, `c.ts` (`found`)', []],
    ['`src/a/`, one file per kind; `c.ts`', []],
    ['`src/a/b.ts`; of others: `src/d/e.ts`, `f.ts`', ['src/d/f.ts does not exist']],
    ['`src/a/b.ts` (`lost`)', ['src/a/b.ts has no lost']],
    ['`src/a/b.ts` (`foun`)', ['src/a/b.ts has no foun']],
    ['`src/a/b.ts` (`Options.found`)', []],
    ['the error, or nobody', ['does not begin with a file']],
    ['`other.ts`, `src/a/b.ts`', ['does not begin with a file', 'other.ts does not exist']],
  ] as const)('%s has the problems %j', ([places, expected]) => {
    const files = ['src/a/b.ts', 'src/a/c.ts', 'src/d/e.ts', 'other/f.ts'];
    expect(placeProblems(places, files, () => 'export const found = 1;')).toEqual(expected);
  });

  test('ends with the next heading of its rank', () => {
    const page =
      '## Where is what\n### A\n| question | look at |\n| --- | --- |\n| a | `src/a.ts` |\n## B\n| b | `src/b.ts` |';
    expect(indexRows(page)).toEqual([{ line: 5, question: 'a', places: '`src/a.ts`', length: 18 }]);
  });
});
