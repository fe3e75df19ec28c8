import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { folded, onOneLine, withoutColours } from '../../src/kernel/one-line.ts';

describe('onOneLine', () => {
  test('escapes what breaks a line, moves the cursor or reverses the reading direction', () => {
    expect(onOneLine('a\nb\r\n\tc\u001b[2Jd\u0007\u0085\u2028e\u2029\u202ef\u2066')).toBe(
      'a\\nb\\r\\n\\tc\\u001b[2Jd\\u0007\\u0085\\u2028e\\u2029\\u202ef\\u2066',
    );
  });

  test('leaves all other text alone, and its own result', () => {
    const plain = 'Grüße, 日本語 👩‍👩‍👧 a\\nb "c"  d';
    expect(onOneLine(plain)).toBe(plain);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const once = onOneLine(text);
        return onOneLine(once) === once && !/[\p{Cc}\u2028\u2029\p{Bidi_Control}]/u.test(once);
      }),
    );
  });
});

test('folded makes one line of prose from several lines of source text', () => {
  expect(folded('\n    Two runs\n    never overlap,  \r\n\n  with \u001b[1m.\n')).toBe(
    'Two runs never overlap, with \\u001b[1m.',
  );
});

test('withoutColours removes colours and nothing else', () => {
  expect(withoutColours('\u001b[32m+ actual\u001b[39m \u001b[1;31m- expected\u001b[0m\u001b[2J\n[1m')).toBe(
    '+ actual - expected\u001b[2J\n[1m',
  );
});
