/** A filer that wants updates, which may be slow, fail or hang, between runs and around a release: runs go on, and nothing is left. */
import {
  createSimFiler,
  createSimulatedRunner,
  defineScenario,
  finalStatus,
  isRunnerError,
  type ScenarioDefinition,
  type SimulatedRunner,
  type Simulation,
} from 'dryrunner';
import { pick, pickCount, pickIndex, pickMs } from './odds.ts';
import { failUnexpected } from './unexpected-error.ts';

const STEP_MS = 10;
const LIMIT_MS = 30;
const CANCEL_MS = 10;
const RUN_MS = 10;
const INTERVALS_MS: readonly number[] = [0, 20, 40];
/** Before a run there may be an update and, for each run before it, another one. */
const WAIT_MS_MAX = 3 * (LIMIT_MS + CANCEL_MS + RUN_MS);

export const freshFiler: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-fresh-filer',
  description:
    'a filer wants updates between runs, which may be slow, fail or hang: runs and updates take turns within bounds, and the updates end with the runner',
  // Updates go on for ever if nobody ends them.
  options: { maxEvents: 2_000 },
  async run(sim) {
    const { clock, choices, tracer } = sim.world;
    const filer = createSimFiler({
      clock,
      choices,
      tracer,
      name: 'filer',
      updateIntervalMs: pick(sim, 'interval', INTERVALS_MS, 20, (ms) =>
        ms === 0 ? 'none, as there are no updates' : `${ms} ms from update to update`,
      ),
      cancelBoundMs: CANCEL_MS,
      menu: {
        update: [
          { latencyMs: STEP_MS },
          { latencyMs: STEP_MS, fail: { text: 'no network' } },
          { hang: true, cancelMs: CANCEL_MS },
        ],
      },
    });
    const runner = createSimulatedRunner(sim.world, {
      capacity: 2,
      history: 8,
      filers: new Map([['scoot', { filer }]]),
      updateLimitMs: LIMIT_MS,
    });
    const clients = Array.from({ length: pickCount(sim, 'another client', 2) }, (_, index) =>
      runTwice(sim, runner, `client ${index}`),
    );
    await Promise.all([...clients, leave(sim, runner)]);
    await runner.release();
    const violations = filer.verify();
    sim.check(
      violations.length === 0,
      `the filer was used wrongly: ${violations.map(({ text }) => text).join('; ')}`,
    );
  },
});

async function leave(sim: Simulation, runner: SimulatedRunner): Promise<void> {
  const step = pickIndex(sim, 'the owner leaves early', 14, 40, (at) =>
    at === 0 ? 'no' : `yes, at ${(at * STEP_MS) / 2} ms`,
  );
  if (step === 0) return;
  await sim.sleep((step * STEP_MS) / 2, 'the owner leaves');
  await runner.release();
}

async function runTwice(sim: Simulation, runner: SimulatedRunner, name: string): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    const label = `${name} thinks in round ${round}`;
    await sim.sleep(pickMs(sim, label, 4, STEP_MS, 0, 'for'), label);
    const askedAtMs = sim.now();
    try {
      const { runId } = await runner.run({ argv: [`sleep ${RUN_MS}`], snapshotId: 'snapshot' });
      const { status } = await finalStatus(runner, runId);
      const durationMs = sim.now() - askedAtMs;
      sim.check(
        durationMs <= WAIT_MS_MAX,
        `run ${runId} took too long\n\nExpected at most ${WAIT_MS_MAX} ms, got ${durationMs} ms.`,
      );
      sim.check(
        ['COMPLETE', 'ABORTED'].includes(status.state),
        `run ${runId} was neither carried out nor aborted\n\nIt is ${status.state} (${status.error}).`,
      );
    } catch (error) {
      if (isRunnerError(error, 'RUNNER_RELEASED')) return;
      failUnexpected(sim, `run ${round} of ${name} broke`, 'a run that ends, or RUNNER_RELEASED', error);
    }
  }
}
