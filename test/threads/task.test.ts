// What is posted between threads arrives as it was.
import { expect, test } from 'vitest';
import { Question } from '../../src/kernel/question.ts';
import { received, toPost } from '../../src/threads/task.ts';
import { choice } from '../questions.ts';

const clone = <T>(value: T): T => structuredClone(value);

test('questions arrive as questions, one that occurs twice as one', () => {
  const one = choice('one');
  const sent = { decisions: [one, choice('other'), one].map((question) => ({ question, n: 2, answer: 1 })) };
  const { decisions } = received<typeof sent>(clone(toPost(sent)));
  expect(decisions).toEqual(sent.decisions);
  expect(decisions.every(({ question }) => question instanceof Question)).toBe(true);
  expect(decisions[0]?.question).toBe(decisions[2]?.question);
});

test('data of a scenario is never taken for a question, whatever its keys', () => {
  const data = JSON.parse(JSON.stringify(choice('one'))) as object;
  const sent = {
    question: choice('one'),
    command: { argv: ['make'], envVars: { askedAs: '1', value: '2', questions: '3', kind: 'choice' } },
    state: [data, { askedAs: data }, { value: data, questions: [data] }, { exploreMessage: data }],
  };
  const arrived = received<typeof sent>(clone(toPost(sent)));
  expect(arrived).toEqual(sent);
  expect(arrived.state.every((part) => !(part instanceof Question))).toBe(true);
});
