import { expect, test } from 'vitest';
import { plainHistory } from '../../../src/explore/explain/plain-history.ts';
import { question } from '../../../src/kernel/question.ts';
import { choice, fault } from '../../questions.ts';

const failure = { message: 'too large\n\nand more', atMs: 5 };

test('a log without times shows its non-default decisions, the last before the failure', () => {
  const log = [
    { question: choice('die'), n: 6, answer: 0 },
    { question: fault('network run job-1'), n: 20, answer: 19 },
    { question: choice('die'), n: 6, answer: 5 },
  ];
  const { lines, leftOut } = plainHistory(log, failure);
  expect(lines.map(({ role }) => role)).toEqual(['decision', 'decision', 'failure']);
  expect(lines[0]?.text).toContain('network run job-1');
  expect(lines.slice(1)).toEqual([
    { role: 'decision', text: '"die" (2nd) is 5 (of 0 to 5)' },
    { role: 'failure', atMs: 5, text: 'too large' },
  ]);
  expect(leftOut).toBe(0);
});

test('a fault of time has words of its own', () => {
  const step = question('fault', { owner: 'time', what: 'step' });
  const log = [
    { question: step, n: 16, answer: 0 },
    { question: step, n: 16, answer: 15 },
  ];
  const { lines } = plainHistory(log, failure);
  expect(lines[0]?.text).toBe('the wall clock is set (the 2nd such moment) (15 of 15)');
});

test('of a long log the earliest decisions are left out, and counted', () => {
  const log = Array.from({ length: 30 }, (_, at) => ({ question: choice(`number ${at}`), n: 9, answer: 1 }));
  const { lines, leftOut } = plainHistory(log, failure);
  expect([lines.length, leftOut]).toEqual([12, 19]);
  expect(lines[0]?.text).toContain('number 19');
});
