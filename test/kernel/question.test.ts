import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDecisions } from '../../src/kernel/decision-log.ts';
import type { questionData } from '../../src/kernel/question.ts';
import {
  QUESTION_KINDS,
  question,
  questionAbout,
  questionFrom,
  thing,
  topicOf,
  type Question,
  type Thing,
  type Topic,
} from '../../src/kernel/question.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import { simulate } from '../../src/simulation/simulate.ts';

const entities: fc.Arbitrary<string | Thing> = fc.oneof(
  fc.string(),
  fc.tuple(fc.string(), fc.string()).map(([type, id]) => thing(type, id)),
);
const topics: fc.Arbitrary<Topic> = fc
  .record({ owner: entities, what: fc.string(), subject: entities })
  .map(topicOf)
  .chain((topic) =>
    fc.constantFrom(topic, topic.plus('ends'), topicOf({ owner: 'n1', what: 'at', subject: topic })),
  );
const questions: fc.Arbitrary<Question> = fc
  .tuple(fc.constantFrom(...QUESTION_KINDS), topics)
  .map(([kind, topic]) => topic.asks(kind));

const run3 = thing('run', '3');
const call = topicOf({ owner: 'n1', what: 'run', subject: 'job-1' });

describe('a topic', () => {
  test.each<readonly [Topic, string, string, string]>([
    [topicOf('client 1 asks'), 'client 1 asks', 'client 1 asks', ''],
    [run3.topic('deadline'), 'run/3 deadline', 'run/# deadline', 'run/3'],
    [run3.topic('upload').plus('bound'), 'run/3 upload bound', 'run/# upload bound', 'run/3'],
    [thing('output', 'log').topic(''), 'output/log', 'output/#', 'output/log'],
    [call, 'n1 run job-1', 'n1 run #', 'job-1'],
    [topicOf({ owner: 'n1', what: 'query' }), 'n1 query', 'n1 query', ''],
    [
      topicOf({ owner: thing('filer', 'a'), what: 'checkout', subject: 'x' }),
      'filer/a checkout x',
      'filer/a checkout #',
      'x',
    ],
    [
      topicOf({ owner: 'n1', what: 'crash', subject: call.plus('reply') }),
      'n1 crash at n1 run job-1 reply',
      'n1 crash at n1 run # reply',
      'job-1',
    ],
  ])('%o is %s for people, asked at %s, about %s', (topic, text, site, about) => {
    expect([topic.text, topic.site, topic.about]).toEqual([text, site, about]);
  });

  test.each([
    ['nothing', undefined],
    ['a number', 7],
    ['parts that do not say what it is', { owner: 'n1' }],
    ['an owner that is no name', { owner: 1, what: 'run' }],
    ['a subject that is a list', { what: 'run', subject: ['job-1'] }],
  ])('is not made of %s', (_name, label) => {
    expect(() => topicOf(label as never)).toThrow(
      expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT' }),
    );
  });
});

describe('a question', () => {
  test('comes back from plain data as the same question', () => {
    fc.assert(
      fc.property(questions, (asked) => {
        const again = questionFrom(JSON.parse(JSON.stringify(asked)) as ReturnType<typeof questionData>);
        expect(again).toEqual(asked);
        expect([again.key, again.text, again.site, again.hash]).toEqual([
          asked.key,
          asked.text,
          asked.site,
          asked.hash,
        ]);
      }),
    );
  });

  test('can be renamed: owners and subjects are exchanged wherever they occur', () => {
    const asked = question('fault', { owner: 'n1', what: 'crash', subject: call.plus('reply') });
    const about = questionAbout(asked, (part) => (part === 'n1' ? 'n2' : part === 'job-1' ? 'job-0' : part));
    expect(about.text).toBe('n2 crash at n2 run job-0 reply fault');
    expect(questionAbout(asked, (part) => part)).toEqual(asked);
  });

  test('has the kind that was asked, whatever its text: each kind has its own answers and occurrences', () => {
    const asked: string[] = [];
    const decisions = createDecisions({
      decide: ({ kind }, _n, occurrence) => asked.push(`${kind} ${occurrence}`) % 2,
    });
    decisions.choose('disk full fault', 2);
    decisions.choose(question('fault', 'disk full'), 2);
    decisions.choose(question('fault', { owner: 'disk', what: 'full' }), 2);
    decisions.choose(question('draw', 'disk full fault'), 2);
    expect(asked).toEqual(['choice 0', 'fault 0', 'fault 1', 'draw 0']);
  });

  test('has the random answer of its text, as before there were kinds', () => {
    const [label, asked] = ['chaos run job-1 fault', question('fault', { ...call, owner: 'chaos' })];
    const source = randomDecisions(4);
    expect(source.decide(asked, 1_000, 3)).toBe(source.decide(question('choice', label), 1_000, 3));
  });
});

test('A2: a fault ends with healing because a verb asked for it, and a choice does not, whatever it is called', async () => {
  const { decisions } = await simulate({
    source: { decide: (_question, n) => n - 1 },
    scenario(sim) {
      sim.heal();
      sim.check(!sim.strikes('disk', 'full'), 'faults have ended');
      sim.check(sim.choose('disk full fault', 2) === 1, 'this is a choice');
      sim.check(
        sim.pick({ owner: 'disk', what: 'full', subject: 'fault' }, ['a', 'b']) === 'b',
        'so is this',
      );
      sim.atSomeEvent('never', () => sim.check(false, 'struck'));
    },
  });
  expect(decisions().map(({ question: { kind, text } }) => `${kind}: ${text}`)).toEqual([
    'choice: disk full fault',
    'choice: disk full fault',
  ]);
});

test('earlier questions in this process do not affect one of the same text with other parts', () => {
  const asText = question('fault', 'pipe send m/0');
  const asParts = (): Question =>
    question('fault', { owner: 'pipe', what: 'send', subject: thing('m', '0') });
  expect(asParts().text).toBe(asText.text);
  createDecisions(randomDecisions(1)).choose(asText, 2);
  const decisions = createDecisions(randomDecisions(1));
  decisions.choose(asParts(), 2);
  const [asked] = decisions.entries();
  expect(asked?.question.site).toBe('fault pipe send m/#');
  expect(asked?.question.toJSON()).toEqual(asParts().toJSON());
});

test.for([{ subject: null }, { owner: null }, { subject: { what: 1 } }, { owner: { type: 1 } }])(
  'no question is made of %j',
  (parts) => {
    const data = { kind: 'fault', what: 'send', ...parts } as unknown as Parameters<typeof questionFrom>[0];
    expect(() => questionFrom(data)).toThrow(expect.objectContaining({ code: 'RUNNER_INVALID_ARGUMENT' }));
  },
);
