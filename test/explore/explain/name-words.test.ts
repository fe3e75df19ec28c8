import { expect, test } from 'vitest';
import { nameWords } from '../../../src/explore/explain/name-words.ts';

test.each([
  ['read by c3.', ['read', 'by', 'c3']],
  ['c3... and c4- or src/', ['c3', 'and', 'c4', 'or', 'src']],
  ['run-1/step_2 of a.b, v1.5', ['run-1/step_2', 'of', 'a.b', 'v1.5']],
  ['x. y', ['x', 'y']],
  ['-1 and ./file.ts:3', ['1', 'and', 'file.ts', '3']],
  ['', []],
])('the words of "%s"', (text, words) => {
  expect(nameWords(text)).toEqual(words);
});

test('a long row of dots takes no longer than it is long', () => {
  expect(nameWords(`a${'.'.repeat(100_000)} b`)).toEqual(['a', 'b']);
});
