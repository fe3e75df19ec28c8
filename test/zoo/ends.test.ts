import { describe, expect, test } from 'vitest';
import { endsLine, endsOf, endsRows, endsWell } from '../../scripts/zoo/ends.ts';
import type { Hunt } from '../../scripts/zoo/hunt.ts';

function found(...history: readonly string[]): Hunt {
  return { found: true, executions: 3, seconds: 1, sentence: 'two leaders', history };
}
const MISSED: Hunt = { found: false, executions: 9, seconds: 60, sentence: '' };

describe('the ends of the cold starts of a bug', () => {
  test('counts differently printed histories, the most frequent first', () => {
    const ends = endsOf('D1', [
      found('0 ms a'),
      found('0 ms b', '1 ms c'),
      MISSED,
      found('0 ms b', '1 ms c'),
    ]);
    expect(ends).toEqual({
      id: 'D1',
      starts: 4,
      found: 3,
      died: 0,
      histories: [
        { starts: 2, lines: ['0 ms b', '1 ms c'] },
        { starts: 1, lines: ['0 ms a'] },
      ],
    });
    expect(endsRows(ends)).toEqual([`${'D1'.padEnd(28)}   3 of 4 found  2 histories (2 + 1)`]);
  });

  test('shows the histories of a bug that has more than two of them', () => {
    const rows = endsRows(endsOf('D1', [found('0 ms a'), found('0 ms b'), found('0 ms c')]));
    expect(rows).toHaveLength(7);
    expect(rows.slice(1, 3)).toEqual(['    from 1 of them:', '      0 ms a']);
  });

  test('a failure without a history, such as one that no seed repeats, is not counted', () => {
    const ends = endsOf('D54', [{ ...found(), sentence: 'not deterministic' }]);
    expect(ends).toMatchObject({ found: 1, histories: [] });
    expect(endsRows(ends)).toEqual([`${'D54'.padEnd(28)}   1 of 1 found  0 histories`]);
  });

  test('a hunt that died, before it found anything or shrank it, is named and not well', () => {
    const MUTE: Hunt = { found: true, executions: 3, seconds: 1, sentence: 'two leaders' };
    for (const dead of [
      { ...MISSED, hasDied: true },
      { ...MUTE, hasDied: true },
    ]) {
      const ends = endsOf('D1', [found('0 ms a'), dead]);
      expect(endsWell(ends)).toBe(false);
      expect(endsRows(ends)[0]).toMatch(/ 1 history \(1\), 1 DIED$/);
      expect(endsLine([ends])).toMatch(/; a hunt died: D1$/);
    }
    expect(endsWell(endsOf('D54', [MUTE]))).toBe(true);
  });

  test('the last line counts the bugs with few ends and names the others', () => {
    const one = endsOf('D1', [found('a'), found('a')]);
    const two = endsOf('D2', [found('a'), found('b')]);
    const three = endsOf('D3', [found('a'), found('b'), found('c')]);
    const none = endsOf('D4', [MISSED]);
    expect(endsLine([one, two, three, none])).toBe(
      '2 of 3 bugs end in at most 2 histories, 1 in one; more: D3 3; not found: D4',
    );
    expect([one, two, three, none].map(endsWell)).toEqual([true, true, false, false]);
    expect(endsLine([one])).toBe('1 of 1 bugs end in at most 2 histories, 1 in one');
  });
});
