// What `npm run mistakes` prints below its rows: a figure for each set of programs and for all, and how strategies compare.
import { expect, test } from 'vitest';
import {
  isAsExpected,
  mistakeLine,
  mistakeSummary,
  type MistakeHunt,
  type MistakeRow,
} from '../../scripts/mistakes/mistake-table.ts';

const found = (executions: number): MistakeHunt => ({
  executions,
  found: true,
  message: `fails after ${executions}`,
});
const gaveUp = (executions: number): MistakeHunt => ({ executions, found: false, message: '' });
const rows: readonly MistakeRow[] = [
  {
    set: 'cluster',
    name: 'lost',
    hunts: [
      [found(40), found(80)],
      [found(10), found(20)],
      [found(100), found(200)],
    ],
  },
  {
    set: 'cluster',
    name: 'rare',
    hunts: [
      [gaveUp(2000), found(880)],
      [gaveUp(2000), gaveUp(2000)],
      [found(970), gaveUp(2000)],
    ],
  },
  {
    set: 'races',
    name: 'late',
    hunts: [
      [found(5), found(15)],
      [found(100), found(300)],
      [found(4), found(6)],
    ],
  },
];

test('a line has the executions of each start, in brackets where nothing was found, and what fails', () => {
  expect(mistakeLine(rows[1] as MistakeRow)).toBe(
    '| rare | (2000), 880 | (2000), (2000) | 970, (2000) | fails after 880 |',
  );
});

test('a mistake is as expected if the first strategy finds it from each start', () => {
  expect(rows.map((row) => isAsExpected(row, false))).toEqual([true, false, true]);
  expect(isAsExpected({ set: 'races', name: 'none', hunts: [] }, false)).toBe(false);
});

test.for([
  ['explored', gaveUp(2000), true],
  ['found', found(3), false],
  ['dead', { ...gaveUp(20), hasDied: true }, false],
  ['not explored', gaveUp(0), false],
] as const)('a correct program that was %s holds as expected, or not', ([, hunt, expected]) => {
  expect(isAsExpected({ set: 'races', name: 'late', hunts: [[gaveUp(9), hunt]] }, true)).toBe(expected);
});

test('each set has its mean, and so have all together; a hunt that was given up counts as all that it was allowed', () => {
  expect(mistakeSummary(rows, ['portfolio', 'random', 'pct']).slice(0, 3)).toEqual([
    '| **mean of cluster, 2** | 750 | 1008 | 818 | |',
    '| **mean of races, 1** | 10 | 200 | 5 | |',
    '| **mean of all, 3** | 503 | 738 | 547 | |',
  ]);
});

test('the first strategy is compared with each other one by the means, and with the best of them for each mistake', () => {
  expect(mistakeSummary(rows, ['portfolio', 'random', 'pct']).slice(3)).toEqual([
    '',
    'portfolio needs, of the executions of random: 0.74 × (cluster), 0.05 × (races), 0.68 × (all)',
    'portfolio needs, of the executions of pct: 0.92 × (cluster), 2.00 × (races), 0.92 × (all)',
    'portfolio against the best of the others, by the mean of a mistake: more than 3 × for 1 of 3; at most lost 4.00 ×, late 2.00 ×, rare 0.97 ×',
  ]);
});

test('one set has one mean, and one strategy is compared with none', () => {
  const races = rows
    .filter(({ set }) => set === 'races')
    .map((row) => ({ ...row, hunts: row.hunts.slice(0, 1) }));
  expect(mistakeSummary(races, ['portfolio'])).toEqual(['| **mean of races, 1** | 10 | |']);
});
