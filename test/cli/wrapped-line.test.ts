import fc from 'fast-check';
import { expect, test } from 'vitest';
import { wrappedLine } from '../../src/cli/wrapped-line.ts';

test.for<[what: string, text: string, columns: number | undefined, lines: readonly string[]]>([
  ['without a width', '  50 ms   a long line', undefined, ['  50 ms   a long line']],
  ['with room for all of it', 'one two', 7, ['one two']],
  [
    'of a history',
    '   50 ms ? the deadline of run 0 comes first  (set at 0 ms)',
    31,
    ['   50 ms ? the deadline of run', '           0 comes first  (set', '           at 0 ms)'],
  ],
  [
    'of other text',
    '  If it had come before the deadline',
    20,
    ['  If it had come', '    before the', '    deadline'],
  ],
  [
    'with a word that is too long',
    'at /a/very/long/path/x.ts is',
    12,
    ['at', '  /a/very/long/path/x.ts', '  is'],
  ],
  ['of wide characters', '日本語 日本語 日本語', 13, ['日本語 日本語', '  日本語']],
  [
    'with spaces that are part of words',
    'it has 12\u202f000 units\u00a0now, \u6771\u4eac\u3000\u5927\u962a more\u3000',
    14,
    ['it has 12\u202f000', '  units\u00a0now,', '  \u6771\u4eac\u3000\u5927\u962a', '  more\u3000'],
  ],
  ['of a narrow terminal', '  1000 ms   one two three', 20, ['  1000 ms   one two', '  three']],
])('a line %s', ([, text, columns, lines]) => {
  expect(wrappedLine(text, columns)).toEqual(lines);
});

test('property: nothing but blanks is lost, and a line is too long only by one word', () => {
  const words = fc.array(fc.constantFrom('a', 'deadline', 'run', '(set', '/a/path/of/somebody.ts:3:5)'));
  fc.assert(
    fc.property(
      words,
      fc.integer({ min: 1, max: 60 }),
      fc.constantFrom('', '  ', '  50 ms ! '),
      (all, columns, before) => {
        const text = before + all.join(' ');
        const lines = wrappedLine(text, columns);
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
        const long = lines.slice(1).filter((line) => line.length > columns);
        expect(long.filter((line) => line.trim().includes(' '))).toEqual([]);
      },
    ),
  );
});
