import { describe, expect, test } from 'vitest';
import { createDecisions } from '../../src/kernel/decision-log.ts';
import type { Decision } from '../../src/kernel/decisions.ts';
import { RunnerError } from '../../src/kernel/errors.ts';
import { keyedReplayDecisions, replayDecisions } from '../../src/kernel/replay-decisions.ts';
import { choice } from '../questions.ts';

const log: readonly Decision[] = [
  { question: choice('a'), n: 3, answer: 2 },
  { question: choice('b'), n: 2, answer: 1 },
  { question: choice('a'), n: 4, answer: 3 },
];

function errorOf(call: () => unknown): RunnerError {
  try {
    call();
  } catch (error) {
    if (error instanceof RunnerError) return error;
  }
  throw new Error('no RunnerError was thrown');
}

describe('a strict replay', () => {
  test('repeats the log and ends with it', () => {
    const source = replayDecisions(log);
    const decisions = createDecisions(source);
    expect([decisions.choose('a', 3), decisions.choose('b', 2), decisions.choose('a', 4)]).toEqual([2, 1, 3]);
    expect(decisions.entries()).toEqual(log);
    expect(() => source.finish()).not.toThrow();
  });

  test.for([
    ['another label', 'c', 2, 'expected "b" out of 2, got "c" out of 2'],
    ['another number of alternatives', 'b', 5, 'expected "b" out of 2, got "b" out of 5'],
  ] as const)('stops at the first entry with %s, and says which', ([, label, n, difference]) => {
    const decisions = createDecisions(replayDecisions(log));
    decisions.choose('a', 3);
    const error = errorOf(() => decisions.choose(label, n));
    expect(error).toMatchObject({
      code: 'RUNNER_REPLAY_DIVERGED',
      message: `Replay diverged at decision 1: ${difference}`,
      expected: '"b" out of 2',
      actual: { index: 1, expected: log[1], got: { question: choice(label), n } },
    });
    expect(decisions.count).toBe(1);
  });

  test('answers no question after one that did not fit, and does not finish, although the error was caught', () => {
    const source = replayDecisions(log);
    const decisions = createDecisions(source);
    const error = errorOf(() => decisions.choose('other', 2));
    expect(errorOf(() => decisions.choose('a', 3))).toBe(error);
    expect(decisions.count).toBe(0);
    expect(errorOf(() => source.finish())).toBe(error);
    const empty = replayDecisions([]);
    const beyond = errorOf(() => createDecisions(empty).choose('a', 3));
    expect(errorOf(() => empty.finish())).toBe(beyond);
  });

  test('stops when the log has ended', () => {
    const decisions = createDecisions(replayDecisions([]));
    const error = errorOf(() => decisions.choose('a', 3));
    expect(error).toMatchObject({
      code: 'RUNNER_REPLAY_DIVERGED',
      message: 'Replay diverged at decision 0: expected no more decisions, got "a" out of 3',
      actual: { index: 0, expected: undefined, got: { question: choice('a'), n: 3 } },
    });
  });

  test('says which entries are left over', () => {
    const source = replayDecisions(log);
    createDecisions(source).choose('a', 3);
    expect(errorOf(() => source.finish())).toMatchObject({
      code: 'RUNNER_REPLAY_DIVERGED',
      message:
        'Replay diverged at decision 1: expected "b" out of 2, got the end of the run (2 entries are left over)',
      actual: { index: 1, expected: log[1], got: undefined },
    });
  });
});

describe('a keyed replay', () => {
  test('answers by label and occurrence, in any order', () => {
    const decisions = createDecisions(keyedReplayDecisions(log));
    expect([decisions.choose('b', 2), decisions.choose('a', 3), decisions.choose('a', 4)]).toEqual([1, 2, 3]);
  });

  test('answers 0 where the log has no entry or one that no longer fits', () => {
    const decisions = createDecisions(keyedReplayDecisions(log));
    expect(decisions.choose('c', 9)).toBe(0);
    expect(decisions.choose('a', 2)).toBe(0);
    expect(decisions.choose('a', 9)).toBe(3);
    expect(decisions.choose('a', 9)).toBe(0);
  });
});

describe.each([replayDecisions, keyedReplayDecisions])('an invalid log is refused by %o', (replay) => {
  test.for<[unknown, string]>([
    ['log', 'log: expected an array of decisions, got "log"'],
    [[log[0], null], 'log[1]: expected a decision, got null'],
    [[{ ...log[0], question: 3 }], 'log[0].question: expected a question, got 3'],
    [[{ ...log[0], n: 1 }], 'log[0].n: expected an integer ≥ 2, got 1'],
    [[{ ...log[0], n: 2.5 }], 'log[0].n: expected an integer ≥ 2, got 2.5'],
    [[{ ...log[0], n: Symbol('n') }], 'log[0].n: expected an integer ≥ 2, got Symbol(n)'],
    [new Array(1), 'log[0]: expected a decision, got undefined'],
    [[{ question: choice('a'), answer: 0 }], 'log[0].n: expected an integer ≥ 2, got undefined'],
    [[{ ...log[0], answer: 3 }], 'log[0].answer: expected an integer in [0, 3), got 3'],
    [[{ ...log[0], answer: -1 }], 'log[0].answer: expected an integer in [0, 3), got -1'],
    [[{ ...log[0], answer: 0.5 }], 'log[0].answer: expected an integer in [0, 3), got 0.5'],
    [[{ question: choice('a'), n: 3 }], 'log[0].answer: expected an integer in [0, 3), got undefined'],
  ])('%j', ([wrong, message]) => {
    expect(errorOf(() => replay(wrong as never))).toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT', message });
  });
});
