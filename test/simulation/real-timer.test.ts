import { expect, test } from 'vitest';
import { simulate } from '../../src/simulation/simulate.ts';

test('a scenario that waits for a real timer escapes, however soon it fires and whatever the execution before it has left', async () => {
  const kinds: (string | undefined)[] = [];
  for (let seed = 1; seed <= 30; seed += 1) {
    const { failure } = await simulate({
      seed,
      scenario: async (sim) => {
        await sim.sleep(1);
        await new Promise((resolve) => {
          setTimeout(resolve, seed % 7);
        });
      },
    });
    kinds.push(failure?.kind);
  }
  expect(new Set(kinds)).toEqual(new Set(['escape']));
});

test('a deadlock beside the timer of somebody else is a deadlock', async () => {
  const timer = setTimeout(() => {}, 60_000);
  const { failure } = await simulate({ scenario: () => new Promise(() => {}) });
  clearTimeout(timer);
  expect(failure?.kind).toBe('deadlock');
});
