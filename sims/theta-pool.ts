/**
 * The main job: a recorded workload of the Theta supercomputer on a pool of simulated runners behind an unreliable network. The runners
 * have one slot each, so the width of a job (its processors) is ignored, and so is the recorded wait: the pool has its own queue.
 */
import {
  createChaosRunner,
  createSimulatedRunner,
  defineScenario,
  type FaultRates,
  type ScenarioDefinition,
} from 'dryrunner';
import { createWorkload, readSwf, swfWorkload, type WorkItem } from 'dryrunner/trace';
import { schedule, type Job } from './pool-scheduler.ts';

const RUNNERS = 16;
const NETWORK_FAULTS: FaultRates = {
  run: { before: 0.03, after: 0.03, reordered: 0.02 },
  query: { before: 0.03, after: 0.03, duplicated: 0.02 },
  statusAll: { before: 0.03, after: 0.03 },
};

export const thetaPool: ScenarioDefinition<readonly WorkItem[]> = defineScenario<readonly WorkItem[]>({
  name: 'theta-pool',
  description: `200 recorded jobs of a supercomputer on ${RUNNERS} runners that lose replies: each runs once and ends as it did`,
  async prepare(files) {
    const { jobs } = await readSwf(files.read('fixtures/theta-cut.swf'));
    return createWorkload(swfWorkload(jobs).jobs, { overrun: 'enforce' }).items;
  },
  async run(sim, items) {
    const runners = Array.from({ length: RUNNERS }, (_, index) =>
      createSimulatedRunner(sim.world, { name: `worker-${index}`, history: 1_000 }),
    );
    const pool = runners.map((runner, index) =>
      createChaosRunner(sim.world, runner, {
        name: `network-${index}`,
        maxDelayMs: 2_000,
        plan: { rates: NETWORK_FAULTS },
      }),
    );
    const expected = new Map(items.map((item) => [item.job.id, item.expected]));
    const jobs: Job[] = items.map(({ job, arrivalMs, command }) => ({
      id: job.id,
      arrivalMs,
      command: { ...command, taskId: job.id },
    }));
    const finished = await schedule(sim, pool, jobs);

    sim.check(finished.length === jobs.length, `${jobs.length - finished.length} jobs were forgotten`);
    for (const { job, status } of finished) {
      const { state } = expected.get(job.id) ?? { state: 'UNKNOWN' };
      sim.check(status.taskId === job.id, `job ${job.id} got the status of job ${status.taskId}`);
      sim.check(status.state === state, `job ${job.id} ended as ${status.state}, recorded was ${state}`);
    }
    const starts = (await Promise.all(runners.map((runner) => runner.statusAll()))).flatMap(
      ({ statuses }) => statuses,
    );
    sim.check(starts.length === jobs.length, `${jobs.length} jobs were started ${starts.length} times`);
    await Promise.all(pool.map((runner) => runner.release()));
  },
});
