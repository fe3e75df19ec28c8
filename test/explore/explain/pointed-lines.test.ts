import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pointedLines, type PointedContext } from '../../../src/explore/explain/pointed-lines.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';

const WORDS = ['job-11', 'job-12', 'job-13', 'ship', 'dock', 'crew'];

interface Line {
  readonly words: readonly string[];
  readonly isRecurring: boolean;
}

/** Notes with these words, and what points to them. */
function pointedAt(lines: readonly Line[]): [readonly TraceEvent[], ReadonlyMap<TraceEvent, number>] {
  const notes = lines.map(({ words }, at): TraceEvent => {
    return { at, type: 'note', runner: 'scenario', text: `saw ${words.join(' and ')}` };
  });
  const recurring = new Set(notes.filter((_note, at) => lines[at]?.isRecurring));
  const context = {
    words: new Set(WORDS),
    recurring: { isRecurring: (event: TraceEvent) => recurring.has(event) },
  } as unknown as PointedContext;
  return [
    notes,
    pointedLines(
      notes.map((event) => ({ event, firingId: 0 })),
      context,
    ),
  ];
}

const line = fc.record({
  words: fc.uniqueArray(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 4 }),
  isRecurring: fc.boolean(),
});

/** What recurs counts only if it names a number. */
const isNamed = ({ words, isRecurring }: Line): boolean =>
  !isRecurring || words.some((word) => /\d/.test(word));

test('property: the lines with the rarest words are pointed to, with how many others have these words', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 25 }), (lines) => {
      const [notes, pointed] = pointedAt(lines);
      const counted = lines.flatMap((each, at) => {
        const { words, isRecurring } = each;
        // What recurs hides nothing that happened once.
        const alike = lines.filter(
          (other) =>
            isNamed(other) &&
            (isRecurring || !other.isRecurring) &&
            words.every((word) => other.words.includes(word)),
        );
        return isNamed(each) && alike.length <= 6 ? [[at, alike.length] as const] : [];
      });
      const rarest = counted.sort(([at, count], [other, more]) => count - more || other - at).slice(0, 6);
      expect([...pointed]).toEqual(rarest.map(([at, count]) => [notes[at], count]));
    }),
  );
});

test.each([
  [6, [1, 6, 6, 6, 6, 6]],
  [7, [1]],
])('beside %i lines with the same words, lines with %o are pointed to', (alike, counts) => {
  const lines = Array.from({ length: alike }, () => ({ words: ['ship'], isRecurring: false }));
  const [, pointed] = pointedAt([...lines, { words: ['crew'], isRecurring: false }]);
  expect([...pointed.values()]).toEqual(counts);
});
