import { expect, test } from 'vitest';
import { hashAnswers, type KeyedDecision } from '../../src/explore/keyed-log.ts';
import { question, QUESTION_KINDS } from '../../src/kernel/question.ts';

test('the hash of answers is the same in any order, and another one for other answers', () => {
  const entries = QUESTION_KINDS.flatMap((kind) =>
    [0, 1, 2].flatMap((occurrence) =>
      [1, 2, 3, 2 ** 32 + 1, 2 ** 33 + 1].map((answer): KeyedDecision => ({
        question: question(kind, 'a'),
        occurrence,
        n: Number.MAX_SAFE_INTEGER,
        answer,
      })),
    ),
  );
  const pairs = entries.flatMap((one, at) => entries.slice(at + 1).map((other) => [one, other]));
  const logs = [[], ...entries.map((entry) => [entry]), ...pairs];
  const hashes = logs.map((log) => hashAnswers(log));
  expect(logs.map((log) => hashAnswers(log.toReversed()))).toEqual(hashes);
  expect(new Set(hashes).size).toBe(logs.length);
});
