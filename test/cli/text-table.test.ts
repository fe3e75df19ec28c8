// Tables as wide as the terminal: broken between words, then without what can be done without, cut last of all.
import { spawnSync } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { styled } from '../../src/cli/styled-text.ts';
import { NO_BREAK, textTable } from '../../src/cli/text-table.ts';
import { builtCommand, root, startWith } from './command.ts';

const HEAD = ['name', 'what it does', 'count'];
const ROWS = [
  ['one', 'a sentence of some length', '7'],
  ['two-and-three', 'short', '1,234'],
];

describe('a table', () => {
  test('is as wide as it gets where nothing bounds it', () => {
    expect(textTable(HEAD, ROWS)).toEqual([
      'name           what it does               count',
      'one            a sentence of some length      7',
      'two-and-three  short                      1,234',
    ]);
  });

  test('breaks texts between words', () => {
    expect(textTable(HEAD, ROWS, { columns: 36 })).toEqual([
      'name           what it does    count',
      'one            a sentence of       7',
      '               some length',
      'two-and-three  short           1,234',
    ]);
  });

  test('leaves out what can be done without, and says so', () => {
    expect(textTable(HEAD, ROWS, { columns: 26, dispensable: ['count', 'name'] })).toEqual([
      'name           what it',
      '               does',
      'one            a sentence',
      '               of some',
      '               length',
      'two-and-three  short',
      '(no room for: count)',
    ]);
  });

  test('cuts words where nothing else is left', () => {
    expect(textTable(['name', 'x'], [['two-and-three', 'y']], { columns: 12 })).toEqual([
      'name       x',
      'two-and-…  y',
    ]);
  });

  test('a row stays one line whatever is in its cells', () => {
    expect(textTable(['a', 'b'], [['x\ny\u001b[2J', '1\t2']])).toEqual([
      'a              b',
      'x\\ny\\u001b[2J  1\\t2',
    ]);
  });

  test('aligns columns by what a terminal shows: wide characters, marks and emoji', () => {
    const rows = [
      ['日本語', '1'],
      ['e\u0301te\u0301', '2'],
      ['👩‍👩‍👧', '3'],
      ['plain', '4'],
    ];
    expect(textTable(['name', 'n'], rows)).toEqual([
      'name    n',
      '日本語  1',
      'e\u0301te\u0301     2',
      '👩‍👩‍👧      3',
      'plain   4',
    ]);
    expect(textTable(['name', 'n'], [['日本語日本語日本語', '12']], { columns: 13 })).toEqual([
      'name        n',
      '日本語日…  12',
    ]);
  });

  test('breaks no space that holds words together', () => {
    const cell = `7${NO_BREAK}COMPLETE, 6${NO_BREAK}ABORTED`;
    expect(textTable(['a'], [[cell]], { columns: 13 })).toEqual(['a', '7 COMPLETE,', '6 ABORTED']);
  });

  test('breaks neither numbers with units nor cells in colour', () => {
    const red = styled('red', '12 failed');
    expect(textTable(['a', 'b', 'c'], [[red, '10.8 s', 'a long text']], { columns: 26 })).toEqual([
      '        a       b  c',
      `${red}  10.8 s  a long`,
      '                   text',
    ]);
  });

  test('breaks the line about what is left out', () => {
    expect(
      textTable(['a', 'one long head', 'b'], [['x'.repeat(12), '1', 'y']], {
        columns: 14,
        dispensable: ['one long head', 'b'],
      }),
    ).toEqual(['a', 'xxxxxxxxxxxx', '(no room for:', 'one long head,', 'b)']);
  });

  test('leaves columns out from the right where a number or a cell in colour would be cut', () => {
    const red = styled('red', '12,345 failed');
    const rows = [
      ['a-long-scenario', red, '12,345,678,901', `12,345,678${NO_BREAK}COMPLETE, 5${NO_BREAK}ABORTED`],
    ];
    const head = ['name', 'verdict', 'events', 'ends'];
    expect(textTable(head, rows, { columns: 53 })).toEqual([
      'name            verdict          events  ends',
      `a-long-…  ${red}  12,345,678,901  12,345,678 …`,
      `                                         5 ABORTED`,
    ]);
    expect(textTable(head, rows, { columns: 52 })).toEqual([
      'name                   verdict          events',
      `a-long-scenario  ${red}  12,345,678,901`,
      '(no room for: ends)',
    ]);
    expect(textTable(head, rows, { columns: 24 })).toEqual([
      'name             verdict',
      `a-long-s…  ${red}`,
      '(no room for: ends,',
      'events)',
    ]);
  });

  test('is never wider than it may be, and loses no word that fits', () => {
    const cell = fc.array(fc.constantFrom('a', 'word', 'sentence', '1.5', ','), { maxLength: 8 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(cell, cell, cell), { maxLength: 5 }),
        fc.integer({ min: 28, max: 90 }),
        (cells, columns) => {
          const rows = cells.map((row) => row.map((words) => words.join(' ')));
          const lines = textTable(['a', 'b', 'c'], rows, { columns });
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
          const words = (texts: readonly string[]): string[] =>
            texts.join(' ').split(/ +/).filter(Boolean).sort();
          expect(words(lines)).toEqual(words(['a', 'b', 'c', ...rows.flat()]));
        },
      ),
    );
  });
});

test.for([
  ['40', 40],
  ['0', Infinity],
  ['', Infinity],
] as const)('in a pipe COLUMNS=%j alone bounds the tables of a command', async ([given, bound]) => {
  const { out } = await startWith({ COLUMNS: given }, 'list').finished;
  const widest = Math.max(...out.split('\n').map((line) => line.length));
  if (bound === Infinity) expect(widest).toBeGreaterThan(100);
  else expect(widest).toBeLessThanOrEqual(bound);
});

test('in 40 columns, run shows its numbers whole', async () => {
  const { out } = await startWith({ COLUMNS: '40' }, 'run', 'timeout-race', '--seeds', '20').finished;
  const lines = out.split('\n');
  const table = lines.slice(lines.findIndex((line) => line.startsWith('scenario ')));
  expect(table.length).toBeGreaterThan(2);
  expect(table.filter((line) => line.length > 40)).toEqual([]);
  expect(table.filter((line) => /\d…/.test(line))).toEqual([]);
  expect(out.replaceAll('\n', ' ')).toContain('(no room for: trace hash, speed, virtual time, decisions');
});

const hasScript = spawnSync('script', ['--version']).status === 0;
test.skipIf(!hasScript)(
  'tables are as wide as the terminal (skipped where there is no script(1), because nothing else makes one)',
  () => {
    const line = `stty cols 80; unset COLUMNS; ${process.execPath} ${builtCommand.join(' ')} run timeout-race 2>/dev/null`;
    const { stdout } = spawnSync('script', ['-qfc', line, '/dev/null'], { cwd: root, encoding: 'utf8' });
    const lines = stripVTControlCharacters(stdout).split('\r\n');
    expect(lines.find((text) => text.startsWith('timeout-race'))).toContain('held');
    expect(lines.find((text) => text.startsWith('(no room for: trace hash'))).toBeDefined();
    expect(Math.max(...lines.map((text) => text.length))).toBeLessThanOrEqual(80);
  },
);
