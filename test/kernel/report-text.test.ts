import { expect, test } from 'vitest';
import { reportText } from '../../src/kernel/report-text.ts';

test.for([
  ['a word of 200 characters', 'x'.repeat(200)],
  ['many words', 'word '.repeat(100)],
  ['a path', `/work/${'x'.repeat(100)}/${'y'.repeat(150)}`],
  ['a path with a folder of 230 characters', `(/work/${'x'.repeat(230)}/a.ts:5:9)`],
  ['a path of Windows', `C:\\work\\${'x'.repeat(230)}\\a.ts`],
  ['an address with a long query', `https://example.org/a?query=${'x'.repeat(230)}`],
  ['a token', `dr2:${'x'.repeat(300)}`],
] as const)('%s stays as it is', ([, text]) => {
  expect(reportText(text)).toBe(text);
  expect(reportText(`at ${text} it ends`)).toBe(`at ${text} it ends`);
});

test('a longer word loses its middle, and no character is cut in two', () => {
  expect(reportText(`run ${'a'.repeat(150)}${'b'.repeat(51)} ends`)).toBe(
    `run ${'a'.repeat(120)}…(41 characters)…${'b'.repeat(40)} ends`,
  );
  const faces = reportText('😀'.repeat(201));
  expect(faces).toBe(`${'😀'.repeat(120)}…(41 characters)…${'😀'.repeat(40)}`);
});

test('words are shortened as they were, and then escaped', () => {
  expect(reportText(`a\n${'\u001b'.repeat(201)}`)).toBe(
    `a\\n${'\\u001b'.repeat(120)}…(41 characters)…${'\\u001b'.repeat(40)}`,
  );
});
