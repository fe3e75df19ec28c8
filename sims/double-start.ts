/**
 * A scheduler with a mistake that most have: when a runner does not answer, it tries again. It is here to be found, so it is not among the
 * scenarios that `dryrunner run` takes by itself; `lost-reply.ts` shows the remedy.
 */
import {
  createChaosRunner,
  createSimulatedRunner,
  defineScenario,
  finalStatus,
  isRunnerError,
  type Command,
  type ScenarioDefinition,
  type Service,
} from 'dryrunner';

async function runJob(runner: Service, command: Command): Promise<number> {
  for (;;) {
    try {
      const { runId } = await runner.run(command);
      return (await finalStatus(runner, runId)).status.exitCode;
    } catch (error) {
      // No answer: try again.
      if (!isRunnerError(error, 'RUNNER_INJECTED_FAULT')) throw error;
    }
  }
}

export const doubleStart: ScenarioDefinition = defineScenario<unknown>({
  name: 'double-start',
  description: 'four jobs on two runners that may lose a reply: each is started once',
  async run(sim) {
    const pool = ['a', 'b'].map((name) => createSimulatedRunner(sim.world, { name, capacity: 4 }));
    const network = pool.map((runner, index) =>
      createChaosRunner(sim.world, runner, {
        name: `network ${index}`,
        plan: { rates: { run: { after: 0.05 } } },
      }),
    );
    await Promise.all(
      network.map(async (runner, index) => {
        for (const job of [index, index + 2]) {
          await runJob(runner, { argv: ['sleep 60000'], taskId: `job-${job}` });
        }
      }),
    );
    for (const runner of pool) {
      const { statuses } = await runner.statusAll();
      const tasks = new Set(statuses.map(({ taskId }) => taskId));
      sim.check(tasks.size === statuses.length, `${tasks.size} jobs were started ${statuses.length} times`);
    }
    await Promise.all(pool.map((runner) => runner.release()));
  },
});
