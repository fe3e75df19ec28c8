import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../scripts/module-graph.ts';
import { bugs } from '../../scripts/zoo/catalog.ts';
import { TABLE_STRATEGIES } from '../../scripts/zoo/strategy-table.ts';
import { EXHAUSTIVE, strategyNames } from '../../src/explore/strategies/strategy-names.ts';

const rowsOf = (page: string): string[][] =>
  readFileSync(join(projectRoot, 'docs', page), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

test('docs/strategies.md has a row for each strategy, in the order of the table of strategies', () => {
  const names = rowsOf('strategies.md').map(([name = '']) => /^`(\w+)`$/.exec(name)?.[1]);
  const first = names.indexOf(strategyNames[0]);
  expect(names.slice(first, first + strategyNames.length + 1)).toEqual([...strategyNames, EXHAUSTIVE]);
});

test('docs/zoo.md compares all strategies', () => {
  const header = rowsOf('zoo.md').find(([name]) => name === 'bug');
  expect(header?.slice(2)).toEqual(TABLE_STRATEGIES);
});

test('docs/zoo.md has a row for each bug of the zoo, in the order of the catalog', () => {
  const rows = rowsOf('zoo.md');
  const first = rows.findIndex(([name]) => name === 'bug') + 2;
  const end = rows.findIndex(([name]) => name === '**found**');
  expect(rows.slice(first, end).map(([name]) => name)).toEqual(bugs.map(({ id }) => id));
});
