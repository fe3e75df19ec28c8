// Code under test may read stacks: it sees the same in an exploration and when the log is run again.
import { expect, test } from 'vitest';
import { RunnerError, createSimulatedRunner, defineScenario, type Simulation } from 'dryrunner';
import { createExecutor, explore, randomStrategy } from 'dryrunner/explore';
import { fifoDecisions } from 'dryrunner/kernel';

const HERE = 'stacks-of-code.test.ts';

const firstFrame = (error: unknown): string =>
  (error as Error).stack?.split('\n').find((line) => /^ +at /.test(line)) ?? 'none';

const framesOf = ({ stack = '' }: Error): string[] => stack.split('\n').filter((line) => /^ +at /.test(line));

/** What stands so far below that the machine's own limit leaves it out. */
const below = <T>(depth: number, call: () => T): T => (depth === 0 ? call() : below(depth - 1, call));

const readsStacks = defineScenario({
  name: 'reads-stacks',
  description: 'of a test',
  async run(sim: Simulation) {
    await sim.sleep(sim.choose('ms', 3));
    const frames = framesOf(below(25, () => new Error('where am I')));
    sim.check(
      frames.length > 25 && frames.slice(0, 25).every((frame) => frame.includes(HERE)),
      'all are here',
    );
    sim.note(frames.join('\n'));
    sim.note(`no more than ${Error.stackTraceLimit}`);
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

test('wrong use has its line, whatever the code of its error', async () => {
  const codes = [
    ...(['RUNNER_ILLEGAL_MOVE', 'RUNNER_NO_STATUS', 'RUNNER_LOCK_NOT_HELD', 'RUNNER_LOCK_RELEASED'] as const),
    ...(['RUNNER_MUTEX_REQUIRED', 'RUNNER_NOT_CLONEABLE', 'RUNNER_NO_DELEGATE'] as const),
    ...([
      'RUNNER_MISSING_PACKAGE',
      'RUNNER_OUTSIDE_CALL',
      'RUNNER_ENDLESS_TICKS',
      'RUNNER_INVARIANT',
    ] as const),
  ];
  const seen: string[] = [];
  const executor = createExecutor(
    defineScenario({
      name: 'uses-wrongly',
      description: 'of a test',
      run() {
        for (const code of codes) {
          if (firstFrame(new RunnerError(code, 'wrong use')).includes(HERE)) seen.push(code);
        }
      },
    }),
  );
  await executor.execute({ source: fifoDecisions(), omitStacks: true });
  expect(seen).toEqual(codes);
});
