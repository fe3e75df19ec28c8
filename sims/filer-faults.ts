/** A filer that is slow, fails, hangs and minds a cancel only after a while, between updates: runs stay bounded and every checkout comes back. */
import {
  createSimFiler,
  createSimulatedRunner,
  defineScenario,
  type ScenarioDefinition,
  finalStatus,
  isRunnerError,
  type RunTypeMap,
} from 'dryrunner';

export const filerFaults: ScenarioDefinition = defineScenario<unknown>({
  name: 'filer-faults',
  description:
    'checkouts that are slow, fail or hang and end late when cancelled, between updates: bounded runs, checkouts given back once',
  async run(sim) {
    const { clock, choices, tracer } = sim.world;
    const filer = createSimFiler({
      clock,
      choices,
      tracer,
      name: 'filer',
      updateIntervalMs: 500,
      menu: {
        checkout: [
          { latencyMs: 30 },
          { latencyMs: 10, fail: { text: 'no such snapshot' } },
          { hang: true, cancelMs: 50 },
          { latencyMs: 400, cancelMs: 20 },
        ],
        update: [{ latencyMs: 80 }],
      },
    });
    const filers: RunTypeMap = new Map([['scoot', { filer }]]);
    const runner = createSimulatedRunner(sim.world, { capacity: 4, filers, updateLimitMs: 1_000 });
    for (let round = 0; round < 12; round += 1) {
      try {
        const { runId } = await runner.run({
          argv: ['sleep 20', 'complete 0'],
          snapshotId: `s${round}`,
          timeoutMs: 100,
        });
        const { status } = await finalStatus(runner, runId);
        sim.check(
          ['COMPLETE', 'FAILED', 'TIMEDOUT'].includes(status.state),
          `a checkout fault cannot end a run as ${status.state}`,
        );
      } catch (error) {
        // Two coded checkout failures in a row make a runner unhealthy; that is the contract, not a fault (R81).
        if (!isRunnerError(error, 'RUNNER_UNHEALTHY')) throw error;
      }
    }
    await runner.release();
    await sim.sleep(10_000);
    const violations = filer.verify();
    sim.check(violations.length === 0, violations.map(({ text }) => text).join('; '));
  },
});
