/** Clients that cannot wait poll instead, over a network that delays and loses answers. */
import {
  createChaosRunner,
  createPollingService,
  createSimulatedRunner,
  defineScenario,
  type ScenarioDefinition,
  DONE_MASK,
  isRunnerError,
} from 'dryrunner';

export const pollingClient: ScenarioDefinition = defineScenario<unknown>({
  name: 'polling-client',
  description:
    'clients poll over a lossy network: no wait outlives its deadline, and a finished run is seen by the next poll',
  async run(sim) {
    const runner = createSimulatedRunner(sim.world, { capacity: 8, history: 50 });
    const network = createChaosRunner(sim.world, runner, {
      maxDelayMs: 30,
      plan: { rates: { queryNow: { before: 0.1, after: 0.1 } } },
    });
    const client = createPollingService(sim.world, runner, network, { periodMs: 50 });
    await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const { runId } = await client.run({ argv: [`sleep ${40 * index}`, `complete ${index}`] });
        for (;;) {
          const askedAt = sim.now();
          try {
            const { statuses } = await client.query({ runs: [runId], states: DONE_MASK }, { timeoutMs: 200 });
            sim.check(sim.now() - askedAt <= 200 + 30, `a wait of 200 ms took ${sim.now() - askedAt} ms`);
            if (statuses.length === 0) continue;
            sim.check(statuses[0]?.exitCode === index, `run ${runId} ended with ${statuses[0]?.exitCode}`);
            return;
          } catch (error) {
            if (!isRunnerError(error, 'RUNNER_INJECTED_FAULT')) throw error;
          }
        }
      }),
    );
    await network.release();
  },
});
