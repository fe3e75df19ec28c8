// Crowds: what is kept of the decisions about events that are due together is not their square, and decisions may be many.
import { expect, test } from 'vitest';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explain } from '../../../src/explore/explain/explanation.ts';
import { observe, type ObservedDecision } from '../../../src/explore/explain/observed-run.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import { choice, order } from '../../questions.ts';

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

/** More than may be passed to a function as arguments. */
const MANY = 150_000;

test.each([
  ['after the last event of the trace', false],
  ['before an event of the trace', true],
])('decisions %s may be very many', async (_where, isNoted) => {
  const scenario = defineScenario({
    name: 'many',
    description: 'fails after very many decisions',
    run(sim) {
      for (let asked = 0; asked < MANY; asked += 1) sim.choose('x', 2);
      if (isNoted) sim.note('noted');
      sim.check(false, 'it fails');
    },
  });
  const log = Array.from({ length: MANY }, () => ({ question: choice('x'), n: 2, answer: 1 }));
  const { history } = await explain(createExecutor(scenario), log, { maxExecutions: 0 });
  expect(history.at(-1)?.text).toBe('it fails');
});
