// Tables as wide as the terminal: broken between words, then without what can be done without, cut last of all.
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
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

  test('breaks no space that holds words together', () => {
    const cell = `7${NO_BREAK}COMPLETE, 6${NO_BREAK}ABORTED`;
    expect(textTable(['a'], [[cell]], { columns: 13 })).toEqual(['a', '7 COMPLETE,', '6 ABORTED']);
  });

  test('breaks neither numbers with units nor cells in colour', () => {
    const red = '\u001b[31m12 failed\u001b[39m';
    expect(textTable(['a', 'b', 'c'], [[red, '10.8 s', 'a long text']], { columns: 26 })).toEqual([
      '        a       b  c',
      `${red}  10.8 s  a long`,
      '                   text',
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

const hasScript = spawnSync('script', ['--version']).status === 0;
test.skipIf(!hasScript)(
  'tables are as wide as the terminal (skipped where there is no script(1), because nothing else makes one)',
  () => {
    const line = `stty cols 80; unset COLUMNS; ${process.execPath} ${builtCommand.join(' ')} run timeout-race 2>/dev/null`;
    const { stdout } = spawnSync('script', ['-qfc', line, '/dev/null'], { cwd: root, encoding: 'utf8' });
    const lines = stdout.split('\r\n');
    expect(lines.find((text) => text.startsWith('timeout-race'))).toContain('held');
    expect(lines.find((text) => text.startsWith('(no room for: trace hash'))).toBeDefined();
    expect(Math.max(...lines.map((text) => text.length))).toBeLessThanOrEqual(80);
  },
);
