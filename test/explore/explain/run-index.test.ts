/** What the parts of an explanation share. */
import { expect, test } from 'vitest';
import { createExecutor } from '../../../src/explore/executor.ts';
import { observe } from '../../../src/explore/explain/observed-run.ts';
import { RunIndex } from '../../../src/explore/explain/run-index.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';

const SCENARIO = defineScenario({
  name: 'two-sleeps',
  description: 'notes and sleeps',
  async run(sim) {
    sim.note('one');
    await sim.sleep(1);
    await sim.sleep(1);
  },
});

const lookUps = Object.entries(Object.getOwnPropertyDescriptors(RunIndex.prototype)).flatMap(
  ([name, { get }]) => (get === undefined ? [] : [{ name, get }]),
);

test('builds each look-up of a run once, however many parts of an explanation ask for it', async () => {
  const index = new RunIndex(await observe(createExecutor(SCENARIO), [], false));
  expect(lookUps.map(({ name }) => name)).toContain('faults');
  for (const { name, get } of lookUps) expect(get.call(index), name).toBe(get.call(index));
});

test('numbers the events of the clock in the order of firing, from 0', async () => {
  const index = new RunIndex(await observe(createExecutor(SCENARIO), [], false));
  expect([...index.order.values()]).toEqual([...index.run.firings.keys()].map((_, at) => at));
  expect([...index.order.keys()]).toEqual([...index.run.firings.keys()]);
});
