import { describe, expect, test } from 'vitest';
import { createDecisions } from '../../src/kernel/decision-log.ts';
import type { DecisionSource } from '../../src/kernel/decisions.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { createRollingHash } from '../../src/kernel/rolling-hash.ts';
import { choice } from '../questions.ts';

/** A source that answers n - 1 and keeps what it was asked. */
function lastOf(): DecisionSource & { readonly asked: unknown[][] } {
  const asked: unknown[][] = [];
  return {
    asked,
    decide: (...question) => {
      asked.push(question);
      return question[1] - 1;
    },
  };
}

describe('the decision log', () => {
  test('keeps every answer in order and counts the occurrences of each question', () => {
    const source = lastOf();
    const decisions = createDecisions(source);
    expect(['a', 'b', 'a', 'a'].map((label, i) => decisions.choose(label, i + 2))).toEqual([1, 2, 3, 4]);
    expect(decisions.count).toBe(4);
    expect(decisions.entries()).toEqual([
      { question: choice('a'), n: 2, answer: 1 },
      { question: choice('b'), n: 3, answer: 2 },
      { question: choice('a'), n: 4, answer: 3 },
      { question: choice('a'), n: 5, answer: 4 },
    ]);
    expect(source.asked).toEqual([
      [choice('a'), 2, 0, undefined],
      [choice('b'), 3, 0, undefined],
      [choice('a'), 4, 1, undefined],
      [choice('a'), 5, 2, undefined],
    ]);
  });

  test('a forced choice is 0, asks nobody and is not logged', () => {
    const source = lastOf();
    const decisions = createDecisions(source);
    expect(decisions.choose('forced', 1)).toBe(0);
    decisions.choose('forced', 2);
    expect(source.asked).toEqual([[choice('forced'), 2, 0, undefined]]);
    expect(decisions.count).toBe(1);
  });

  test('hashes the question text, n and answer of every decision, even when it keeps none', () => {
    const hash = createRollingHash();
    const decisions = createDecisions(lastOf(), { record: false, hash });
    decisions.choose('a', 3);
    decisions.choose('b', 1);
    decisions.choose('b', 2 ** 50);
    const expected = createRollingHash();
    const taken = [
      ['a', 3, 2],
      ['b', 2 ** 50, 2 ** 50 - 1],
    ] as const;
    for (const [label, n, answer] of taken) {
      expected.addString(label);
      expected.addNumber(n);
      expected.addNumber(answer);
    }
    expect(hash.digest()).toBe(expected.digest());
    expect(decisions.entries()).toEqual([]);
    expect(decisions.count).toBe(2);
  });

  test('keeps thousands of entries', () => {
    const decisions = createDecisions(lastOf());
    const expected = Array.from({ length: 5000 }, (_, i) => ({
      question: choice(`${i % 7}`),
      n: 2 + i,
      answer: 1 + i,
    }));
    for (const { question, n } of expected) decisions.choose(question, n);
    expect(decisions.entries()).toEqual(expected);
  });

  test('the default policy answers 0 to everything', () => {
    const decisions = createDecisions(fifoDecisions());
    expect([2, 3, 1000].map((n) => decisions.choose('x', n))).toEqual([0, 0, 0]);
  });

  test.for([0, -1, 1.5, NaN, Infinity, undefined, '2'])('refuses %s alternatives', (n) => {
    const decisions = createDecisions(fifoDecisions());
    expect(() => decisions.choose('x', n as number)).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT', expected: 'an integer ≥ 1', actual: n }),
    );
    expect(decisions.count).toBe(0);
  });

  test('refuses anything but a question or a text', () => {
    expect(() => createDecisions(fifoDecisions()).choose(7 as never, 2)).toThrow(
      expect.objectContaining({ message: 'question: expected a question or a text, got 7' }),
    );
  });

  test.for([2, -1, 0.5, NaN, undefined])('refuses the answer %s out of 2, and logs nothing', (answer) => {
    const decisions = createDecisions({ decide: () => answer as number });
    expect(() => decisions.choose('which one', 2)).toThrow(
      expect.objectContaining({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: `answer to "which one": expected an integer in [0, 2), got ${answer}`,
      }),
    );
    expect(decisions.count).toBe(0);
    expect(decisions.entries()).toEqual([]);
  });

  test('a refused answer does not use up the occurrence', () => {
    const occurrences: number[] = [];
    const decisions = createDecisions({
      decide: (_label, n, occurrence) => {
        occurrences.push(occurrence);
        return occurrences.length === 1 ? n : 0;
      },
    });
    expect(() => decisions.choose('x', 2)).toThrow('answer to "x"');
    decisions.choose('x', 2);
    decisions.choose('x', 2);
    expect(occurrences).toEqual([0, 0, 1]);
  });
});
