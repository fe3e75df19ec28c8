/** Three runs of equal length on three runners, and two users who give up just when they end: small enough to try every schedule. */
import { createSimulatedRunner, defineScenario, type ScenarioDefinition, finalStatus } from 'dryrunner';

const RUN_MS = 50;

export const threeRunnersTwoAborts: ScenarioDefinition = defineScenario<unknown>({
  name: 'three-runners-two-aborts',
  description:
    'two of three runs are aborted as they end: each ends once, as all who ask agree; the third is not touched',
  async run(sim) {
    const runners = ['a', 'b', 'c'].map((name) =>
      createSimulatedRunner(sim.world, { name, idPrefix: `${name}-` }),
    );
    const users = runners.map(async (runner, index) => {
      const { runId } = await runner.run({ argv: [`sleep ${RUN_MS}`, 'complete 0'] });
      const waiting = finalStatus(runner, runId);
      const isAborted = index < 2;
      if (isAborted) {
        await sim.sleep(RUN_MS);
        const aborted = await runner.abort(runId);
        const { status } = await waiting;
        sim.check(
          status.state === aborted.state,
          `the waiter saw ${status.state}, the abort ${aborted.state}`,
        );
      }
      const { status } = await waiting;
      const mayEndAs = isAborted ? ['COMPLETE', 'ABORTED'] : ['COMPLETE'];
      sim.check(mayEndAs.includes(status.state), `run ${runId} cannot end as ${status.state}`);
      sim.check(sim.now() === RUN_MS, `run ${runId} ended at ${sim.now()} ms`);
    });
    await Promise.all(users);
    await Promise.all(runners.map((runner) => runner.release()));
  },
});
