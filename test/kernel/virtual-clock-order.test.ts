import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDecisions } from '../../src/kernel/decision-log.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import { replayDecisions } from '../../src/kernel/replay-decisions.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import type { Choices, DecisionSource } from '../../src/kernel/decisions.ts';

/** Choices that answer from a list and keep what they were asked. */
function answering(...answers: number[]): Choices & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    choose: (question, n) => {
      asked.push(`${typeof question === 'string' ? question : question.text} of ${n}`);
      return answers[asked.length - 1] ?? 0;
    },
  };
}

describe('the order of events due together', () => {
  test('is a decision under the label of the first candidate, and the answer k picks the k-th', () => {
    const choices = answering(2, 1);
    const clock = createVirtualClock({ choices });
    const fired: string[] = [];
    for (const name of ['a', 'b', 'c']) clock.timer(name, 4, () => fired.push(name));
    clock.timer('alone', 5, () => fired.push('alone'));
    while (clock.step());
    expect(fired).toEqual(['c', 'b', 'a', 'alone']);
    expect(choices.asked).toEqual(['order a of 3', 'order a of 2']);
  });

  test('includes what is posted meanwhile', () => {
    const choices = answering(0, 1);
    const clock = createVirtualClock({ choices });
    const fired: string[] = [];
    clock.post('a', () => {
      fired.push('a');
      clock.post('c', () => fired.push('c'));
    });
    clock.post('b', () => fired.push('b'));
    while (clock.step());
    expect(fired).toEqual(['a', 'c', 'b']);
    expect(choices.asked).toEqual(['order a of 2', 'order b of 2']);
  });

  test('an answer out of range is refused, and the events stay', () => {
    for (const answer of [2, -1, 0.5, NaN]) {
      const clock = createVirtualClock({ choices: answering(answer) });
      clock.post('a', () => {});
      clock.post('b', () => {});
      expect(() => clock.step()).toThrow(
        expect.objectContaining({
          code: 'RUNNER_INVALID_ARGUMENT',
          message: `answer of choices: expected an integer in [0, 2), got ${answer}`,
        }),
      );
      expect(clock.pending).toBe(2);
      expect(clock.step()).toBe(true);
    }
  });

  test('exceeding the label cache changes nothing', () => {
    const choices = answering();
    const clock = createVirtualClock({ choices });
    for (let i = 0; i < 5000; i++) clock.post(`event ${i}`, () => {});
    while (clock.step());
    expect(choices.asked.at(-1)).toBe('order event 4998 of 2');
  });
});

/** A program whose events are due at few times and make more of them; returns the order of firing. */
function play(source: DecisionSource, count: number, without = -1): { order: string[]; log: unknown[] } {
  const decisions = createDecisions(source);
  const clock = createVirtualClock({ choices: decisions });
  const order: string[] = [];
  for (let i = 0; i < count; i++) {
    if (i === without) continue;
    clock.timer(`run/${i}`, (i * 7) % 5, () => {
      order.push(`run/${i}@${clock.now()}`);
      if (i % 3 === 0) clock.timer(`again/${i}`, i % 2, () => order.push(`again/${i}@${clock.now()}`));
    });
  }
  while (clock.step());
  return { order, log: decisions.entries() };
}

describe('policies', () => {
  test('first-in-first-out is the order of creation', () => {
    const clock = createVirtualClock();
    const plain: string[] = [];
    for (let i = 0; i < 10; i++) clock.timer(`run/${i}`, (i * 7) % 5, () => plain.push(`run/${i}`));
    while (clock.step());
    expect(plain).toEqual([0, 5, 3, 8, 1, 6, 4, 9, 2, 7].map((i) => `run/${i}`));
    expect(play(fifoDecisions(), 10).order.filter((name) => name.startsWith('run'))).toEqual(
      plain.map((name) => expect.stringContaining(`${name}@`)),
    );
  });

  test('the same seed gives the same order, another seed another one, and a replay of the log the same again', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 2, max: 60 }), (seed, count) => {
        const first = play(randomDecisions(seed), count);
        expect(play(randomDecisions(seed), count)).toEqual(first);
        const replay = replayDecisions(first.log as never);
        expect(play(replay, count)).toEqual(first);
        replay.finish();
      }),
      { numRuns: 50 },
    );
    const orders = new Set([1, 2, 3, 4, 5].map((seed) => play(randomDecisions(seed), 40).order.join()));
    expect(orders.size).toBe(5);
  });

  test('every event comes first under some seed', () => {
    const firsts = new Set(
      Array.from({ length: 200 }, (_, seed) => play(randomDecisions(seed), 20).order[0]),
    );
    expect(firsts).toEqual(new Set(['run/0@0', 'run/5@0', 'run/10@0', 'run/15@0']));
  });
});
