/** A timeout, an abort and the natural end fall on one instant: every order is legal, none is lost, nothing is left. */
import { createSimulatedRunner, defineScenario, type ScenarioDefinition, finalStatus } from 'dryrunner';

export const timeoutRace: ScenarioDefinition = defineScenario<unknown>({
  name: 'timeout-race',
  description:
    'abort, deadline and natural end in one instant: one terminal status, and both callers see the same',
  async run(sim) {
    const runner = createSimulatedRunner(sim.world, { capacity: 3 });
    for (let round = 0; round < 20; round += 1) {
      const { runId } = await runner.run({
        argv: ['stdout working', 'sleep 50', 'complete 0'],
        timeoutMs: 50,
      });
      const waiting = finalStatus(runner, runId);
      await sim.sleep(50);
      const aborted = await runner.abort(runId);
      const { status } = await waiting;
      sim.check(status.state === aborted.state, `the waiter saw ${status.state}, the abort ${aborted.state}`);
      sim.check(
        ['COMPLETE', 'TIMEDOUT', 'ABORTED'].includes(status.state),
        `a race cannot end as ${status.state}`,
      );
    }
    await runner.release();
  },
});
