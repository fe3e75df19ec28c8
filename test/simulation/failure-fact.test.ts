import { expect, test } from 'vitest';
import { createExecutor, explain } from '../../src/explore/index.ts';
import { createMutex } from '../../src/locks/mutex.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';

async function leavesWaitAndTimer(sim: Simulation): Promise<void> {
  const jobs = createMutex(sim.world, { name: 'jobs' });
  await jobs.acquire({ owner: 'a' });
  void jobs.acquire({ owner: 'b' });
  sim.world.clock.timer('tea waits for milk', 5, () => {});
}

test('what a detail is about is data: a name that reads like a wait is none', async () => {
  const { failure } = await simulate({ scenario: leavesWaitAndTimer });
  expect(failure?.facts?.map(({ kind, text }) => [kind, text])).toEqual([
    ['other', 'timer tea waits for milk, due at 5 ms'],
    ['wait', 'b waits for mutex jobs since 0 ms, held by a since 0 ms'],
    ['other', 'a holds mutex jobs since 0 ms'],
    ['remedy', expect.stringContaining("leftovers: 'ignore'")],
  ]);
  expect(failure?.details).toEqual(failure?.facts?.map(({ text }) => text));
  expect(failure?.standstill).toBeUndefined();
});

test('an explanation shows who waits first, and goes by that', async () => {
  const scenario = defineScenario({ name: 'tea', description: 'leaves both', run: leavesWaitAndTimer });
  const { details } = await explain(createExecutor(scenario), []);
  expect(details.map(({ text }) => text.replace(/ since .*/, '')).slice(0, 3)).toEqual([
    'b waits for mutex jobs',
    'timer tea waits for milk, due at 5 ms',
    'a holds mutex jobs',
  ]);
});

test('a deadlock says in parts what does not go on and why', async () => {
  const ofNothing = await simulate({ scenario: () => new Promise(() => {}) });
  const ofHeld = await simulate({
    scenario: async (sim) => {
      await createMutex(sim.world, { name: 'jobs' }).acquire({ owner: 'a' });
      await new Promise(() => {});
    },
  });
  const ofCircle = await simulate({
    scenario: async (sim) => {
      const [one, other] = ['one', 'other'].map((name) => createMutex(sim.world, { name }));
      await one?.acquire({ owner: 'a' });
      await other?.acquire({ owner: 'b' });
      await Promise.all([other?.acquire({ owner: 'a' }), one?.acquire({ owner: 'b' })]);
    },
  });
  const what = 'Deadlock: nothing is due any more';
  expect([ofNothing, ofHeld, ofCircle].map(({ failure }) => failure?.standstill)).toEqual([
    { what, wait: 'unknown' },
    { what, wait: 'held' },
    { what, wait: 'circle' },
  ]);
  expect(ofCircle.failure?.facts?.[0]).toEqual({
    kind: 'circle',
    text: 'a circular wait: a → mutex other (b) → mutex one (a)',
    brief: 'a → mutex other (b) → mutex one (a)',
  });
});
