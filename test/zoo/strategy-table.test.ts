import { describe, expect, test } from 'vitest';
import type { Hunt } from '../../scripts/zoo/hunt.ts';
import { figuresLine, huntRow, median } from '../../scripts/zoo/hunt-report.ts';
import { strategyTable, TABLE_STRATEGIES } from '../../scripts/zoo/strategy-table.ts';

const found = (executions: number): Hunt => ({ found: true, executions, seconds: 1, sentence: 'it fails' });
const missed: Hunt = { found: false, executions: 500, seconds: 60, sentence: '' };

describe('the median', () => {
  test.for([
    [[3, 1, 2], 2],
    [[4, 1, 2, 3], 2.5],
    [[7], 7],
    [[1, 2, Infinity], 2],
  ] as const)('of %j is %d', ([numbers, expected]) => {
    expect(median(numbers)).toBe(expected);
  });
});

describe('the table of strategies', () => {
  const hunts: Readonly<Record<string, readonly Hunt[]>> = {
    'D1 portfolio': [found(1), found(5), found(3)],
    'D1 random': [found(10), missed, missed],
    'D2 portfolio': [found(9), found(7), missed],
    'D2 random': [found(2), found(4), found(6)],
  };
  const cells = Object.entries(hunts).flatMap(([key, list]) => {
    const [id = '', strategy = ''] = key.split(' ');
    return list.map((hunt) => ({ id, strategy, hunt }));
  });
  const rows = strategyTable(cells).map((line) => line.split('|').map((cell) => cell.trim()));
  const column = (strategy: string): string[] => {
    const index = 2 + TABLE_STRATEGIES.indexOf(strategy);
    return rows.filter((_, row) => row !== 1).map((cellsOfRow) => cellsOfRow[index] ?? '');
  };

  test('gives the median per bug, a dash where most starts missed it, and the share and median of all', () => {
    expect(column('portfolio')).toEqual(['portfolio', '3', '9', '83 %', '6']);
    expect(column('random')).toEqual(['random', '–', '4', '67 %', '–']);
  });
});

describe('the report of hunts', () => {
  test('a row says what was found with what effort, and the sentence stands below it', () => {
    const hunt = { ...found(12), eventsBefore: 40, eventsAfter: 9, history: 7 };
    const row = huntRow({ id: 'D1', title: 'swapped' }, hunt, false);
    expect(row).toMatch(/D1 +found +12 executions +1.0 s +40 → 9 events +7 lines +swapped\n +it fails/);
  });

  test('nothing found is a miss in the zoo, and as it must be without a bug', () => {
    const bug = { id: 'D1', title: 'swapped' };
    expect(huntRow(bug, missed, false)).toContain('MISSED');
    expect(huntRow(bug, missed, true)).toContain('held');
  });

  test('the figures leave what was missed out of the medians, not out of the count', () => {
    expect(figuresLine([found(2), found(4), missed], 3)).toBe('2 of 3 found, median 3 executions');
    expect(figuresLine([missed], 2)).toBe('0 of 2 found');
  });
});
