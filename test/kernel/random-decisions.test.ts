import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDecisions } from '../../src/kernel/decision-log.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import { choice } from '../questions.ts';

/** Pearson's statistic of counts that should be equal. */
function chiSquare(counts: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const expected = total / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

function tally(n: number, answers: Iterable<number>): number[] {
  const counts = Array.from({ length: n }, () => 0);
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
  return counts;
}

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);
const questions = fc.array(
  fc.tuple(fc.constantFrom('a', 'b', 'run/1', 'run/2'), fc.integer({ min: 1, max: 50 })),
);

describe('keyed random decisions', () => {
  test('answers depend only on seed, question and occurrence, so that leaving others out changes none', () => {
    fc.assert(
      fc.property(fc.integer(), questions, fc.string(), (seed, list, left) => {
        const all = createDecisions(randomDecisions(seed));
        const answers = list.map(([label, n]) => ({ label, answer: all.choose(label, n) }));
        const some = createDecisions(randomDecisions(String(seed)));
        for (const label of ['a', 'b', 'run/1', 'run/2'].filter((each) => each !== left)) {
          expect(list.filter((each) => each[0] === label).map(([, n]) => some.choose(label, n))).toEqual(
            answers.filter((each) => each.label === label).map(({ answer }) => answer),
          );
        }
      }),
    );
  });

  // Limits: the statistic passes them once in a million for good mixing.
  test.for([
    [2, 24],
    [3, 28],
    [10, 45],
    [64, 130],
    [100, 180],
  ] as const)('are uniform over %i alternatives by occurrence, by question and by seed', ([n, limit]) => {
    const source = randomDecisions(42);
    const draws = range(20_000);
    expect(
      chiSquare(
        tally(
          n,
          draws.map((i) => source.decide(choice('one label'), n, i)),
        ),
      ),
    ).toBeLessThan(limit);
    expect(
      chiSquare(
        tally(
          n,
          draws.map((i) => source.decide(choice(`run/${i}`), n, 0)),
        ),
      ),
    ).toBeLessThan(limit);
    expect(
      chiSquare(
        tally(
          n,
          draws.map((i) => randomDecisions(i).decide(choice('x'), n, 0)),
        ),
      ),
    ).toBeLessThan(limit);
  });

  test('neighbours are independent: pairs are uniform too', () => {
    const source = randomDecisions(7);
    const pairs = (pair: (i: number) => readonly [number, number]): number[] =>
      tally(
        64,
        range(20_000).map((i) => pair(i)[0] * 8 + pair(i)[1]),
      );
    const at = (label: string, i: number): number => source.decide(choice(label), 8, i);
    expect(chiSquare(pairs((i) => [at('x', i), at('x', i + 1)]))).toBeLessThan(130);
    expect(chiSquare(pairs((i) => [at(`run/${i}`, 0), at(`run/${i + 1}`, 0)]))).toBeLessThan(130);
    expect(chiSquare(pairs((i) => [at('x', i), at('y', i)]))).toBeLessThan(130);
    expect(
      chiSquare(
        pairs((i) => [
          randomDecisions(i).decide(choice('x'), 8, 0),
          randomDecisions(i + 1).decide(choice('x'), 8, 0),
        ]),
      ),
    ).toBeLessThan(130);
  });

  test('stay below n for every n, and reach the upper half of large ones', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: Number.MAX_SAFE_INTEGER }), fc.nat(), (n, occurrence) => {
        const answer = randomDecisions('s').decide(choice('x'), n, occurrence);
        expect(Number.isSafeInteger(answer) && answer >= 0 && answer < n).toBe(true);
      }),
    );
    for (const n of [3 * 2 ** 30, 2 ** 32, 2 ** 32 + 1, 3 * 2 ** 51]) {
      const high = range(4000).filter((i) => randomDecisions('s').decide(choice('x'), n, i) >= n / 2).length;
      expect(high).toBeGreaterThan(1800);
      expect(high).toBeLessThan(2200);
    }
  });

  test('golden answers of seed 42', () => {
    const decisions = createDecisions(randomDecisions(42));
    const answers = range(12).map((i) => decisions.choose(i % 3 === 0 ? 'latency' : `order run/${i}`, 100));
    expect(answers).toEqual([95, 45, 97, 58, 57, 38, 88, 44, 47, 43, 8, 68]);
    expect([2 ** 32, 2 ** 40, 2 ** 53 - 1].map((n) => decisions.choose('wide', n))).toEqual([
      1_777_082_118, 67_858_089_111, 7_019_475_413_500_619,
    ]);
  });

  test.for([NaN, Infinity, undefined, null, {}])('refuses the seed %s', (seed) => {
    expect(() => randomDecisions(seed as never)).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', expected: 'a string or a finite number' }),
    );
  });
});
