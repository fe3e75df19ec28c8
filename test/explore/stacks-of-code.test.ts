// Code under test may read stacks: it sees the same in an exploration and when the log is run again.
import { expect, test } from 'vitest';
import { type RunnerError, createSimulatedRunner, defineScenario, type Simulation } from 'dryrunner';
import { createExecutor, explore, randomStrategy } from 'dryrunner/explore';
import { fifoDecisions } from 'dryrunner/kernel';

const HERE = 'stacks-of-code.test.ts';

const firstFrame = (error: unknown): string =>
  (error as Error).stack?.split('\n').find((line) => /^ +at /.test(line)) ?? 'none';

const readsStacks = defineScenario({
  name: 'reads-stacks',
  description: 'of a test',
  async run(sim: Simulation) {
    await sim.sleep(sim.choose('ms', 3));
    const frame = firstFrame(new Error('where am I'));
    sim.check(frame.includes(HERE), `the caller is ${frame}`);
    sim.note(frame);
  },
});

test('it has the stacks of its own errors', async () => {
  const executor = createExecutor(readsStacks);
  const executions = { maxExecutions: 20 };
  const { failures } = await explore(executor, randomStrategy(1), executions);
  expect(failures).toBe(0);
  const hashes = [{ omitStacks: true }, {}, { capturePlaces: true }].map(
    async (how) => (await executor.execute({ source: fifoDecisions(), ...how })).traceHash,
  );
  const [explored, ...again] = await Promise.all(hashes);
  expect(again).toEqual([explored, explored]);
});

test('errors by which simulated things answer have none while exploring, and wrong use has its line', async () => {
  const seen: string[] = [];
  const executor = createExecutor(
    defineScenario({
      name: 'gets-errors',
      description: 'of a test',
      async run(sim: Simulation) {
        const runner = createSimulatedRunner(sim.world);
        await runner.release();
        await sim.sleep(1);
        const caught = async (call: () => unknown): Promise<string> => {
          try {
            await call();
            return 'nothing';
          } catch (error) {
            return `${(error as RunnerError).code} ${firstFrame(error) === 'none' ? 'without' : 'with'}`;
          }
        };
        seen.push(
          await caught(() => runner.run({ argv: ['complete 0'] })),
          await caught(() => sim.sleep(-1)),
        );
      },
    }),
  );
  const both = [1, 2].map(() => executor.execute({ source: fifoDecisions(), omitStacks: true }));
  for (const { failure } of await Promise.all(both)) expect(failure).toBeUndefined();
  const once = ['RUNNER_RELEASED without', 'RUNNER_INVALID_ARGUMENT with'];
  expect(seen).toEqual([...once, ...once]);
  await executor.execute({ source: fifoDecisions() });
  expect(seen.slice(4)).toEqual(['RUNNER_RELEASED with', 'RUNNER_INVALID_ARGUMENT with']);
});
