import { expect, test } from 'vitest';
import { withShortWords } from '../../src/kernel/shortened-words.ts';

test.for([
  ['a word of 200 characters', 'x'.repeat(200)],
  ['many words', 'word '.repeat(100)],
  ['a path', `/work/${'x'.repeat(100)}/${'y'.repeat(150)}`],
  ['a token', `dr2:${'x'.repeat(300)}`],
] as const)('%s stays as it is', ([, text]) => {
  expect(withShortWords(text)).toBe(text);
});

test('a longer word loses its middle, and no character is cut in two', () => {
  expect(withShortWords(`run ${'a'.repeat(150)}${'b'.repeat(51)} ends`)).toBe(
    `run ${'a'.repeat(120)}…(41 characters)…${'b'.repeat(40)} ends`,
  );
  const faces = withShortWords('😀'.repeat(201));
  expect(faces).toBe(`${'😀'.repeat(120)}…(41 characters)…${'😀'.repeat(40)}`);
});
