import { PassThrough } from 'node:stream';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cutToWidth, padded, widthOf } from '../../src/kernel/text-width.ts';

describe('widthOf', () => {
  test.each([
    ['', 0],
    ['plain text', 10],
    ['Grüße…', 6],
    ['日本語', 6],
    ['ﾊﾝｶｸ', 4],
    ['ＦＵＬＬ', 8],
    ['한국어', 6],
    ['\u1112\u1161\u11ab', 2],
    ['e\u0301', 1],
    ['कि', 2],
    ['👍🏽', 2],
    ['👩‍👩‍👧‍👦', 2],
    ['🇩🇪', 2],
    ['❤', 1],
    ['❤\ufe0f', 2],
    ['zero\u200bwidth', 9],
    ['soft\u00adhyphen', 11],
  ])('%j takes %i columns', (text, columns) => {
    expect(widthOf(text)).toBe(columns);
  });

  // Node counts columns for the cursor of its own prompt, by the tables of ICU.
  test('agrees with Node about all letters, signs and symbols alone, but for parts of syllables', () => {
    const output = Object.assign(new PassThrough(), { columns: 1e9 });
    const prompt = createInterface({ input: new PassThrough(), output, terminal: true });
    onTestFinished(() => prompt.close());
    const widthInNode = (text: string): number => {
      prompt.setPrompt(text);
      return prompt.getCursorPos().cols;
    };
    const others: string[] = [];
    for (let code = 0x20; code < 0x40000; code++) {
      const character = String.fromCodePoint(code);
      if (/[\p{Cn}\p{Co}\p{Cs}\p{Cc}\u1160-\u11ff\ud7b0-\ud7fb]|\p{M}/u.test(character)) continue;
      // Node composes and decomposes characters first.
      if (character.normalize() !== character) continue;
      if (widthOf(character) !== widthInNode(character)) others.push(code.toString(16));
    }
    expect(others).toEqual([]);
  });
});

test('padded fills columns, not characters', () => {
  expect([padded('日本', 6), padded('ab', 4, '-'), padded('日本', 3)]).toEqual(['日本  ', 'ab--', '日本']);
});

test('cutToWidth keeps whole characters, and no more columns than there are', () => {
  const cuts = [0, 1, 2, 3, 4, 5].map((columns) => cutToWidth('a日e\u0301👩‍👩‍👧', columns));
  expect(cuts).toEqual(['', 'a', 'a', 'a日', 'a日e\u0301', 'a日e\u0301']);
  expect(cutToWidth('a日e\u0301👩‍👩‍👧', 6)).toBe('a日e\u0301👩‍👩‍👧');
  expect([cutToWidth('plain', 3), cutToWidth('plain', -1)]).toEqual(['pla', '']);
});
