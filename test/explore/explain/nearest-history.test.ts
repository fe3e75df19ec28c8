// What would have held, and which other failures are near.
import { expect, test } from 'vitest';
import { createNetwork } from '../../../src/cluster/index.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explain, type Explanation } from '../../../src/explore/explain/explanation.ts';
import type { Decision } from '../../../src/kernel/decisions.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';
import { choice, order } from '../../questions.ts';

function explained(
  run: (sim: Simulation) => void | Promise<void>,
  log: readonly Decision[],
): Promise<Explanation> {
  return explain(createExecutor(defineScenario({ name: 'near', description: 'fails', run })), log);
}

test.each([
  ['two sleeps without a name', undefined, undefined, 'scenario sleep'],
  ['a sleep with a name before one without', 'one', undefined, 'one'],
  ['a sleep without a name before one with', undefined, 'two', 'scenario sleep'],
])('tries the other order of %s, one of which never fires', async (_case, first, second, asked) => {
  const { nearestPass, nearestSearch } = await explained(
    async (sim) => {
      let isDone = false;
      const writes = async (): Promise<void> => {
        await sim.sleep(10, first);
        isDone = true;
      };
      const reads = async (): Promise<void> => {
        await sim.sleep(10, second);
        sim.check(isDone, 'it was read before it was written');
      };
      await Promise.all([writes(), reads()]);
    },
    [{ question: order(asked), n: 2, answer: 1 }],
  );
  const [written, read] = [
    first === undefined ? 'the sleep set in writes' : `"${first}"`,
    second === undefined ? 'the sleep set in reads' : `"${second}"`,
  ];
  expect(nearestPass?.text.replaceAll(/ \(nearest-history\.test\.ts:\d+\)/g, '')).toBe(
    `If ${written} had come before ${read} at 10 ms, nothing would have failed.`,
  );
  expect(nearestSearch).not.toHaveProperty('hasSkippedAnswers');
});

test('leaves the order as it is of a sleep that no line of the scenario set, even if it never fires', async () => {
  const { nearestPass, nearestSearch } = await explained(
    async (sim) => {
      let isDone = false;
      // No line of this file is in the stack of a bound method that nobody awaits.
      void Promise.resolve(10)
        .then(sim.sleep.bind(sim))
        .then(() => {
          isDone = true;
        });
      await Promise.resolve();
      await sim.sleep(10, 'two');
      sim.check(isDone, 'it was read before it was written');
    },
    [{ question: order('scenario sleep'), n: 2, answer: 1 }],
  );
  expect(nearestPass).toBeUndefined();
  expect(nearestSearch).toEqual({ executions: 0, isComplete: true, untried: 0, hasSkippedAnswers: true });
});

test('tries the order of sleeps of which it is no longer known where they were set', async () => {
  const { nearestPass, nearestSearch } = await explained(async (sim) => {
    // The places of events between the first and the last ten thousand are forgotten.
    const fill = (sinceMs: number): void => {
      for (let ms = 1; ms <= 10_001; ms += 1) sim.world.clock.timer('tick', sinceMs + ms, () => undefined);
    };
    fill(0);
    fill(30_000);
    const done: string[] = [];
    void sim.sleep(20_000).then(() => done.push('writes'));
    void sim.sleep(20_000).then(() => done.push('reads'));
    await sim.sleep(50_000, 'end');
    sim.check(done[0] === 'reads', 'it was written before it was read');
  }, []);
  expect(nearestPass?.text).toMatch(/^If .* at 20000 ms, .* nothing would have failed\.$/);
  expect(nearestSearch).not.toHaveProperty('hasSkippedAnswers');
});

test.each([
  ['1', '2'],
  ['n1', 'n2'],
])('tries the other choice of a scenario in which nodes called %s and %s work', async (server, client) => {
  const { sentence, nearestPass } = await explained(
    async (sim) => {
      const net = createNetwork(sim, { latencyMs: 1 });
      net.node(server, () => ({ get: () => 7 }));
      const mode = sim.pick('mode', ['safe', 'unsafe']);
      net.node(client, async ({ connect }) => {
        await connect<{ get(): number }>(server).get();
        return {};
      });
      await sim.sleep(100, 'end');
      sim.check(mode === 'safe', 'it is broken');
    },
    [{ question: choice('mode'), n: 2, answer: 1 }],
  );
  expect(sentence).toBe('near fails at 100 ms: it is broken, when "mode" is unsafe.');
  expect(nearestPass?.text).toBe('If "mode" had been safe instead of unsafe, nothing would have failed.');
});
