import { describe, expect, test } from 'vitest';
import type { Hunt } from '../../scripts/zoo/hunt.ts';
import { figuresLine, huntRow, median } from '../../scripts/zoo/hunt-report.ts';
import type { Standing } from '../../scripts/zoo/standing.ts';
import { comparison, strategyTable } from '../../scripts/zoo/strategy-table.ts';
import type { Trial } from '../../scripts/zoo/trial.ts';

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
  const trial = (executions: number): Trial => ({ found: true, executions, sentence: 'it fails' });
  const givenUp: Trial = { found: false, executions: 40, sentence: '' };
  const inexpressible: Trial = { executions: 0, sentence: '' };
  const trials: Readonly<Record<string, readonly Trial[]>> = {
    'D1 portfolio': [trial(1), trial(5), trial(3)],
    'D1 random': [trial(10), givenUp, givenUp],
    'D1 fast-check': [inexpressible, inexpressible, inexpressible],
    'D2 portfolio': [trial(9), trial(7), givenUp],
    'D2 random': [trial(2), trial(4), trial(6)],
    'D2 fast-check': [givenUp, givenUp, givenUp],
  };
  const cells = Object.entries(trials).flatMap(([key, list]) => {
    const [id = '', strategy = ''] = key.split(' ');
    return list.map((each) => ({ id, strategy, trial: each }));
  });
  const strategies = ['portfolio', 'random', 'fast-check'];
  const standings = new Map<string, Standing>([
    ['D1', { difficulty: 'exploration' }],
    ['D2', { difficulty: 'exploration', knows: 'the one input that shows it' }],
  ]);
  const frame = { strategies, executions: 100, standings };
  const rows = strategyTable(cells, frame).map((line) => line.split('|').map((cell) => cell.trim()));
  const column = (strategy: string): string[] => {
    const index = 3 + strategies.indexOf(strategy);
    return rows.filter((_, row) => row !== 1).map((cellsOfRow) => cellsOfRow[index] ?? '');
  };

  test('has a row per bug and the summaries, of the headline, of all bugs and of those that fast-check can express', () => {
    const summaries = (which: string): string[] =>
      ['found', 'median', 'mean'].map((name) => `**${name}** ${which}`);
    expect(rows.map(([, name, standing]) => `${name} ${standing}`)).toEqual([
      ...['bug difficulty', '--- ---', 'D1 exploration', 'D2 exploration, known'],
      ...summaries('the headline, 1'),
      ...summaries('all 2'),
      ...summaries('of fast-check, 1'),
    ]);
  });

  test.for([
    ['portfolio', ['3', '8 (2/3)', '100.0 %', '3', '3', '83.3 %', '6', '21', '66.7 %', '9', '39']],
    ['random', ['10 (1/3)', '4', '33.3 %', '–', '70', '66.7 %', '8', '37', '100.0 %', '4', '4']],
    ['fast-check', ['–', '(0/3)', '–', '–', '–', '–', '–', '–', '0.0 %', '–', '100']],
  ] as const)(
    'a miss of %s counts as more than any find in the median, and as the limit in the mean',
    ([strategy, expected]) => {
      expect(column(strategy).slice(1)).toEqual(expected);
    },
  );

  test('the comparison counts bugs, by the median of their starts', () => {
    expect(comparison(cells, frame, 'random')).toMatch(
      /fewer executions for 1 bugs, as many for 0, more for 1$/,
    );
  });
});

describe('the report of hunts', () => {
  test('a row shows what was found with what effort, with the sentence below', () => {
    const hunt = {
      ...found(12),
      eventsBefore: 40,
      eventsAfter: 9,
      history: Array.from({ length: 7 }, () => 'a line'),
    };
    const row = huntRow({ id: 'D1', title: 'swapped' }, hunt, false);
    expect(row).toMatch(/D1 +found +12 executions +1.0 s +40 → 9 events +7 lines +swapped\n +it fails/);
  });

  test('nothing found is a miss in the zoo, and as it must be without a bug', () => {
    const bug = { id: 'D1', title: 'swapped' };
    expect(huntRow(bug, missed, false)).toContain('MISSED');
    expect(huntRow(bug, missed, true)).toContain('held');
  });

  test('misses are left out of the medians, not out of the count', () => {
    expect(figuresLine([found(2), found(4), missed], 3)).toBe('2 of 3 found, median 3 executions');
    expect(figuresLine([missed], 2)).toBe('0 of 2 found');
  });
});
