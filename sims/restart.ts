/** A runner crashes and comes back: ids of two incarnations differ, so nobody gets the status of somebody else's run. */
import {
  createSimulatedRunner,
  defineScenario,
  type ScenarioDefinition,
  finalStatus,
  isRunnerError,
  type Service,
  type Simulation,
} from 'dryrunner';

const CRASH_AFTER_MS = [0, 50, 100, 150];

export const restart: ScenarioDefinition = defineScenario<unknown>({
  name: 'restart',
  description:
    'a runner restarts while clients wait: old ids stay unknown, every client ends with its own run or a typed error',
  async run(sim) {
    let runner = incarnation(sim, 0);
    for (let epoch = 1; epoch <= 5; epoch += 1) {
      const { runId } = await runner.run({ argv: ['sleep 100'], taskId: `task-${epoch}` });
      const client = watch(runner, runId);
      const crash = { owner: 'crash in', what: 'epoch', subject: String(epoch) };
      await sim.sleep(sim.pick(crash, CRASH_AFTER_MS, (ms) => `after ${ms} ms`));
      const released = runner.release();
      const successor = incarnation(sim, epoch);
      const next = await successor.run({ argv: ['complete 0'], taskId: `other-${epoch}` });
      sim.check(next.runId !== runId, `run ${runId} was started twice under one id`);
      await released;
      sim.check(
        ['COMPLETE', 'ABORTED'].includes(await client),
        'a client was left with a run of somebody else',
      );
      sim.check(await isUnknown(successor, runId), `the new incarnation claims to know run ${runId}`);
      await finalStatus(successor, next.runId);
      runner = successor;
    }
    await runner.release();
  },
});

function incarnation(sim: Simulation, epoch: number): Service {
  return createSimulatedRunner(sim.world, { name: `worker-${epoch}`, idPrefix: `e${epoch}-` });
}

async function watch(runner: Service, runId: string): Promise<string> {
  return (await finalStatus(runner, runId)).status.state;
}

async function isUnknown(runner: Service, runId: string): Promise<boolean> {
  try {
    await runner.status(runId);
    return false;
  } catch (error) {
    return isRunnerError(error, 'RUNNER_UNKNOWN_RUN');
  }
}
