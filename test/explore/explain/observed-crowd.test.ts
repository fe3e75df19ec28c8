// A crowd of events that are due together: what is kept of its decisions is not its square.
import { expect, test } from 'vitest';
import { createExecutor } from '../../../src/explore/executor.ts';
import { observe, type ObservedDecision } from '../../../src/explore/explain/observed-run.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import { order } from '../../questions.ts';

/** The first decision among so many events, which lets this one fire. */
async function decisionAmong(count: number, answer: number): Promise<ObservedDecision | undefined> {
  const scenario = defineScenario({
    name: 'crowd',
    description: 'events that are due together',
    async run(sim) {
      for (let i = 0; i < count; i += 1) sim.world.clock.timer(`event ${i}`, 1, () => undefined);
      await sim.sleep(2);
    },
  });
  const log = [{ question: order('event 0'), occurrence: 0, n: count, answer }];
  const { decisions } = await observe(createExecutor(scenario), log, false);
  return decisions.find(({ due }) => due.length === count);
}

const kept = ({ due }: ObservedDecision): string[] => due.flatMap(({ topic }) => [topic.text]);

test('up to a hundred are all kept', async () => {
  const decision = await decisionAmong(100, 70);
  expect(decision?.answer).toBe(70);
  expect(kept(decision!)).toEqual(Array.from({ length: 100 }, (_, i) => `event ${i}`));
});

test('of more, only the first and the one that fires are kept, with their number', async () => {
  const decision = await decisionAmong(300, 250);
  expect([decision?.answer, decision?.due.length]).toEqual([250, 300]);
  expect(kept(decision!)).toEqual(['event 0', 'event 250']);
});

test('where a sleep was set is kept aside only as long as it has not fired', async () => {
  const scenario = defineScenario({
    name: 'asleep',
    description: 'one of two sleeps never fires',
    async run(sim) {
      await Promise.all([sim.sleep(1), sim.sleep(1)]);
      await Promise.all([sim.sleep(1), sim.sleep(1).then(() => sim.check(false, 'it fails'))]);
    },
  });
  const log = [{ question: order('scenario sleep'), occurrence: 1, n: 2, answer: 1 }];
  const { asleep, firings } = await observe(createExecutor(scenario), log, true);
  expect([[...asleep.keys()], [...firings.keys()]]).toEqual([[3], [1, 2, 4]]);
});
