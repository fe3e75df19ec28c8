import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { withinEvents } from '../../src/explore/event-budget.ts';
import { createExecutor } from '../../src/explore/executor.ts';
import { explain } from '../../src/explore/explain/explanation.ts';
import { checkReplay } from '../../src/explore/replay-check.ts';
import { decodeToken, encodeToken } from '../../src/explore/replay-token.ts';
import { keyOf } from '../../src/explore/keyed-log.ts';
import type { ReplayToken } from '../../src/explore/replay-token.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import {
  QUESTION_KINDS,
  question,
  thing,
  topicOf,
  type Thing,
  type Topic,
} from '../../src/kernel/question.ts';
import { choice } from '../questions.ts';

const text = fc.string({ minLength: 1, unit: 'binary' });
const entities: fc.Arbitrary<string | Thing> = fc.oneof(
  fc.string(),
  fc.tuple(fc.string(), fc.string()).map(([type, id]) => thing(type, id)),
);
const topics: fc.Arbitrary<Topic> = fc
  .record({ owner: entities, what: fc.string(), subject: entities })
  .map(topicOf)
  .chain((topic) => fc.constantFrom(topic, topic.plus('reply'), topicOf({ ...topic, subject: topic })));
const questions = fc
  .tuple(fc.constantFrom(...QUESTION_KINDS), topics)
  .map(([kind, topic]) => topic.asks(kind));
const tokens: fc.Arbitrary<ReplayToken> = fc.record(
  {
    scenario: text,
    failureKey: text,
    traceHash: text,
    seed: text,
    maxEvents: fc.integer({ min: 1, max: 2 ** 40 }),
    decisions: fc.uniqueArray(
      fc
        .record({ question: questions, occurrence: fc.nat(), n: fc.integer({ min: 2, max: 2 ** 40 }) })
        .chain((entry) =>
          fc.record({ ...mapConstant(entry), answer: fc.integer({ min: 1, max: entry.n - 1 }) }),
        ),
      { selector: keyOf },
    ),
  },
  { requiredKeys: ['scenario', 'failureKey', 'traceHash', 'decisions'] },
);

function mapConstant<T extends object>(entry: T): { [key in keyof T]: fc.Arbitrary<T[key]> } {
  return Object.fromEntries(
    Object.entries(entry).map(([key, value]) => [key, fc.constant(value as T[keyof T])]),
  ) as { [key in keyof T]: fc.Arbitrary<T[key]> };
}

const example: ReplayToken = {
  scenario: './mine.js#race',
  failureKey: 'check both ended',
  traceHash: '00c0ffee00c0ffee',
  decisions: [
    { question: question('order', thing('run', '0').topic('abort')), occurrence: 0, n: 2, answer: 1 },
    {
      question: question('fault', { owner: 'network', what: 'run', subject: 'job-0' }),
      occurrence: 3,
      n: 10,
      answer: 9,
    },
  ],
};

describe('a replay token', () => {
  test('carries everything in one word that no shell splits', () => {
    fc.assert(
      fc.property(tokens, (token) => {
        fc.pre(isWellFormed(token));
        const word = encodeToken(token);
        expect(word).toMatch(/^dr2:[\w.-]+$/);
        expect(decodeToken(`  ${word}\n`)).toEqual(token);
      }),
    );
  });

  test('is short for a shrunk failure', () => {
    expect(encodeToken(example).length).toBeLessThan(300);
  });

  test('reports that it was cut, wherever it was cut', () => {
    const word = encodeToken(example);
    for (let length = 4; length < word.length; length += 1) {
      expect(() => decodeToken(word.slice(0, length))).toThrow(/a whole token, got one that was cut off/);
    }
  });

  test('reports any changed character, wherever it stands', () => {
    const word = encodeToken(example);
    for (let at = 4; at < word.length; at += 1) {
      const other = word[at] === 'x' ? 'y' : 'x';
      expect(() => decodeToken(word.slice(0, at) + other + word.slice(at + 1))).toThrow(/expected a/);
    }
  });

  test.each([
    [
      'dr1:abc.def',
      'a token of version 2, got one of version 1; run dryrunner explore again to get a new one',
    ],
    ['dr3:abc.def', 'a token of version 2, got one of version 3'],
    ['nonsense', 'a token that begins with "dr2:", got "nonsense"'],
    ['', 'a token that begins with "dr2:", got ""'],
  ])('of another kind is refused: %s', (word, message) => {
    expect(() => decodeToken(word)).toThrow(
      expect.objectContaining({ code: 'RUNNER_TRACE_FORMAT', message: `replay token: expected ${message}` }),
    );
  });

  test.each([
    [
      'a decision with the plain answer',
      { decisions: [{ question: choice('x'), occurrence: 0, n: 2, answer: 0 }] },
    ],
    [
      'an answer that there is not',
      { decisions: [{ question: choice('x'), occurrence: 0, n: 2, answer: 2 }] },
    ],
    ['a negative occurrence', { decisions: [{ question: choice('x'), occurrence: -1, n: 2, answer: 1 }] }],
    [
      'an occurrence that never comes',
      { decisions: [{ question: choice('x'), occurrence: 2 ** 50, n: 2, answer: 1 }] },
    ],
    [
      'two answers to one question',
      {
        decisions: [
          { question: choice('x'), occurrence: 1, n: 2, answer: 1 },
          { question: choice('x'), occurrence: 1, n: 3, answer: 2 },
        ],
      },
    ],
    ['no scenario', { scenario: '' }],
    ['a hash that is no text', { traceHash: 7 as unknown as string }],
    ['no list', { decisions: 'x' as unknown as [] }],
  ])('is not made of %s', (_, part) => {
    expect(() => encodeToken({ ...example, ...part })).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT' }),
    );
  });
});

/** UTF-8 has no lone surrogates. */
function isWellFormed({ scenario, failureKey, traceHash, decisions }: ReplayToken): boolean {
  const texts = [scenario, failureKey, traceHash, ...decisions.map(({ question: { text: asked } }) => asked)];
  return texts.every((one) => Buffer.from(one, 'utf8').toString('utf8') === one);
}

test('a failure by budget carries the budget, so that a replay ends where it ended', async () => {
  const executor = createExecutor(
    defineScenario({
      ...{ name: 'endless', description: 'of a test' },
      async run(sim) {
        sim.choose('first', 3);
        for (;;) await sim.sleep(1);
      },
    }),
  );
  const log = [{ question: choice('first'), n: 3, answer: 2 }];
  const { token, failureKey } = await explain(withinEvents(executor, 40_000), log, { maxExecutions: 0 });
  const decoded = decodeToken(token);
  expect(decoded).toMatchObject({ maxEvents: 40_000, failureKey });
  expect(encodeToken(decoded)).toBe(token);
  const report = await checkReplay(executor, decoded);
  expect([report.isReproduced, report.isSameTrace, report.verdict.firedEvents]).toEqual([true, true, 40_000]);
  await expect(checkReplay(executor, { ...decoded, maxEvents: 0.5 })).rejects.toThrow(
    'log.maxEvents: expected an integer ≥ 1',
  );
  expect(() => encodeToken({ ...decoded, maxEvents: 0 })).toThrow(/an integer ≥ 1 of events/);
});
