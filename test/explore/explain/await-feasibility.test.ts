// What is said of the engine's order if there is little or no time to try it.
import { expect, test } from 'vitest';
import { ambientTime } from '../../../src/ambient/ambient-time.ts';
import { createExecutor, type Executor } from '../../../src/explore/executor.ts';
import { awaitFeasibility } from '../../../src/explore/explain/await-feasibility.ts';
import { observe } from '../../../src/explore/explain/observed-run.ts';
import { keyDecisions } from '../../../src/explore/keyed-log.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { findFailure } from '../failing-logs.ts';

const racing = (run: (sim: Simulation) => Promise<unknown>): Executor =>
  createExecutor(
    defineScenario({
      name: 'racing',
      description: 'two reactions race',
      options: { ambient: ambientTime({ awaits: 'latency', thens: true }) },
      async run(sim) {
        await run(sim);
      },
    }),
  );

async function feasibility(executor: Executor, shouldStop: () => boolean): Promise<string[]> {
  const log = (await findFailure(executor, 1)).decisions();
  const run = await observe(executor, keyDecisions(log), true);
  return (await awaitFeasibility(executor, run, shouldStop)).map(({ text }) => text);
}

/** Fails only if a timer comes before a reaction. */
const slow = racing((sim) => {
  let isOpen = false;
  const opened = Promise.resolve().then(() => {
    isOpen = true;
  });
  const read = sim.sleep(0, 'timer').then(() => sim.check(isOpen, 'it is not open'));
  return Promise.all([opened, read]);
});

test.each([
  [0, []],
  [
    1,
    [
      'needs latency, as far as 1 execution shows: none in which promises take only a few more microtasks fails the same way; the search was stopped',
    ],
  ],
  [
    7,
    [
      'needs latency, as far as 7 executions show: none in which promises take only a few more microtasks fails the same way; the search was stopped',
    ],
  ],
  [
    300,
    [
      'needs latency, as far as 300 executions show: none in which promises take only a few more microtasks fails the same way',
    ],
  ],
])('with time for %i executions, claims no more than was tried', async (executions, texts) => {
  let asked = 0;
  expect(await feasibility(slow, () => (asked += 1) > executions)).toEqual(texts);
});

test('stops to leave out microtasks once time is up', async () => {
  const quick = racing((sim) => {
    let isDone = false;
    const others = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => Promise.resolve(name).then(() => name));
    const first = Promise.resolve().then(() => {
      isDone = true;
    });
    const second = Promise.resolve().then(() => sim.check(isDone, 'the second came first'));
    return Promise.all([...others, first, second]);
  });
  let failures = 0;
  const counting: Executor = {
    ...quick,
    async execute(request) {
      const verdict = await quick.execute(request);
      if (request.nativeAwaits === true && verdict.failure !== undefined) failures += 1;
      return verdict;
    },
  };
  const [inTime] = await feasibility(counting, () => false);
  expect(inTime).toMatch(/^native-feasible: .* when then takes \d microtasks? more$/);
  expect(failures).toBeGreaterThan(1);
  failures = 0;
  const [outOfTime] = await feasibility(counting, () => failures > 0);
  expect(outOfTime).toMatch(/^native-feasible: .* and then takes \d microtasks? more/);
  expect(failures).toBe(1);
});

test('lowers each number of microtasks as far as it still fails', async () => {
  const chained = racing((sim) => {
    let isDone = false;
    const first = Promise.resolve().then(() => {
      isDone = true;
    });
    const second = Promise.resolve()
      .then(() => 1)
      .then(() => 2)
      .then(() => sim.check(isDone, 'the third came first'));
    return Promise.all([first, second]);
  });
  expect(await feasibility(chained, () => false)).toEqual([
    "native-feasible: it fails in the engine's order when then takes 3 microtasks more",
  ]);
});
