import { expect, test } from 'vitest';
import { question } from '../../../src/kernel/question.ts';
import { cutSpans, rebuildSmall, shiftSites } from '../../../src/explore/shrink/shrink-passes.ts';
import type { ShrinkState } from '../../../src/explore/shrink/shrink-pass.ts';

const asked = question('draw', { what: 'Math.random' });

function stateOf(series: readonly number[]): ShrinkState {
  const log = series.map((answer, occurrence) => ({ question: asked, occurrence, n: 16, answer }));
  return { log, answers: log.filter(({ answer }) => answer > 0) };
}

test('answers are moved as well in a log that got shorter by what was accepted', () => {
  const long = [0, 0, 0, 0, 0, 0, 5];
  const short = [0, 5];
  for (let accepted = 0; accepted < 60; accepted += 1) {
    const state = { ...stateOf(long) } as { -readonly [field in keyof ShrinkState]: ShrinkState[field] };
    const trials = shiftSites(state);
    let tried = 0;
    for (let next = trials.next(); next.done !== true; tried += 1) {
      if (tried === accepted) Object.assign(state, stateOf(short));
      next = trials.next({ isAccepted: tried === accepted } as never);
    }
    expect(tried).toBeGreaterThan(0);
  }
});

test('of a question that was asked very often, no spans are sought between two trials', () => {
  const state = stateOf(Array.from({ length: 5_000 }, (_, at) => (at === 4_997 ? 1 : 0)));
  let reads = 0;
  const trials = cutSpans({
    get log() {
      reads += 1;
      return state.log;
    },
    get answers() {
      return state.answers;
    },
  });
  let tried = 0;
  for (let next = trials.next(); next.done !== true; tried += 1) {
    next = trials.next({ isAccepted: false, asked: undefined });
  }
  expect(reads).toBeLessThan(10 * (tried + 1));
});

test('few answers are chosen anew one after the other, of however many that there are', () => {
  const { log, answers } = stateOf(Array.from({ length: 5_000 }, (_, at) => (at === 9 ? 3 : 0)));
  let looked = 0;
  const counted = log.map((entry) => ({
    ...entry,
    get n() {
      looked += 1;
      return entry.n;
    },
  }));
  const trials = rebuildSmall({ log: counted, answers });
  trials.next();
  trials.next({ isAccepted: false, asked: undefined });
  expect(looked).toBeLessThan(100);
});
