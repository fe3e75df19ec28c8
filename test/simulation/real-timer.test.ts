import { expect, test } from 'vitest';
import { createExecutor, explain, formatExplanation } from '../../src/explore/index.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import { simulate } from '../../src/simulation/simulate.ts';

// First of all: once a scenario has left a timer behind, all that are set are counted.
/** Taken when loaded, as a test runner does. */
const setOwnTimer = setTimeout;

test('a deadlock is found although others set timers in every turn of the event loop', async () => {
  const timers: NodeJS.Timeout[] = [];
  let isOn = true;
  const inEachTurn = (): void => {
    timers.push(setOwnTimer(() => {}, 60_000));
    if (isOn) setImmediate(inEachTurn);
  };
  setImmediate(inEachTurn);
  const { failure } = await simulate({ scenario: () => new Promise(() => {}) });
  isOn = false;
  for (const timer of timers) clearTimeout(timer);
  expect(timers.length).toBeGreaterThan(1);
  expect(failure?.kind).toBe('deadlock');
});

test('a scenario that waits for a real timer escapes, however soon it fires and whatever an earlier execution left', async () => {
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

test('the explanation of an escape says at which line the scenario waits', async () => {
  const scenario = defineScenario<unknown>({
    name: 'real-wait',
    description: 'waits for a real timer',
    async run(sim) {
      await sim.sleep(1);
      await new Promise((resolve) => {
        setTimeout(resolve, 2);
      });
    },
  });
  const lines = formatExplanation(await explain(createExecutor(scenario), [])).map(({ text }) => text);
  const said = lines.indexOf('  the scenario waits here, for a promise that is settled from outside');
  expect(lines[said - 1]).toBe('In detail');
  expect(lines[said + 1]).toMatch(/^ {4}(Object\.)?run \(.*real-timer\.test\.ts:\d+:\d+\)$/);
});

test('a deadlock beside a foreign timer is a deadlock', async () => {
  const timer = setTimeout(() => {}, 60_000);
  const { failure } = await simulate({ scenario: () => new Promise(() => {}) });
  clearTimeout(timer);
  expect(failure?.kind).toBe('deadlock');
});
