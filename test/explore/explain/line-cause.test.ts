// What a line of a history says about its cause.
import { expect, test } from 'vitest';
import { createExecutor } from '../../../src/explore/executor.ts';
import { explain } from '../../../src/explore/explain/explanation.ts';
import { createSimulatedRunner, defineScenario } from '../../../src/index.ts';

test('an event without a name is called one, so that the time at which it was set has a subject', async () => {
  const scenario = defineScenario({
    name: 'nameless',
    description: 'a sleep that no line of the user has set',
    async run(sim) {
      const runner = createSimulatedRunner(sim.world, { name: 'r' });
      await new Promise<void>((resolve) => {
        sim.world.clock.timer('poll', 10, () => {
          const slept = Promise.resolve(5).then(sim.sleep.bind(sim));
          void slept.then(() => runner.run({ argv: ['complete 0'] })).then(() => resolve());
        });
      });
      await runner.release();
      sim.check(false, 'no');
    },
  });
  const { history } = await explain(createExecutor(scenario), []);
  const pending = history.find(({ text }) => text === 'run 0 of r became PENDING');
  expect(pending).toMatchObject({ atMs: 15, because: 'by an event set at 10 ms' });
});
