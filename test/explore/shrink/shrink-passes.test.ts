import { expect, test } from 'vitest';
import { question } from '../../../src/kernel/question.ts';
import { shiftSites } from '../../../src/explore/shrink/shrink-passes.ts';
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
