/** Replies to starts get lost: a scheduler that looks before it starts again starts every job once. */
import {
  type ChaosRunner,
  createChaosRunner,
  createFakeRunner,
  defineScenario,
  isRunnerError,
  type QueryResult,
  type ScenarioDefinition,
  type Simulation,
} from 'dryrunner';
import { pickCount } from './odds.ts';

const RETRY_MS = 10;

export const doubleStart: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-classic-double-start',
  description:
    'a scheduler starts jobs over a network that loses requests and replies. Before it starts a job again it asks the worker whether the job is there, and notes the answer: every job is started once',
  async run(sim) {
    const workers = ['a', 'b'].map((name) =>
      createFakeRunner(sim.world, { name, capacity: 8, history: 8, script: () => ({ runMs: 20 }) }),
    );
    const pool = workers.map((worker, index) =>
      createChaosRunner(sim.world, worker, {
        name: `network ${index}`,
        plan: { rates: { run: { before: 0.1, after: 0.1 }, statusAll: { before: 0.2 } } },
      }),
    );
    const looks: Look[] = [];
    const jobs = Array.from({ length: pickCount(sim, 'more jobs', 3) }, (_, index) => `job ${index}`);
    await Promise.all(jobs.map((job) => start(sim, pool, job, looks)));
    const started = (await Promise.all(workers.map((worker) => worker.statusAll()))).flatMap(
      ({ statuses }) => statuses,
    );
    for (const job of jobs) {
      const count = started.filter(({ tag }) => tag === job).length;
      const seen = looks.filter((look) => look.job === job).map(({ text }) => text);
      sim.check(
        count === 1,
        `${job} was started ${count} times\n\nExpected one start.\nWhat the worker answered when the scheduler asked for ${job}: ${seen.length === 0 ? 'nothing, as it never asked' : seen.join('; ')}.`,
      );
    }
    for (const network of pool) await network.release();
  },
});

/** What a worker answered when the scheduler asked it for a job. */
interface Look {
  readonly job: string;
  readonly text: string;
}

async function start(
  sim: Simulation,
  pool: readonly ChaosRunner[],
  job: string,
  looks: Look[],
): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const worker = sim.pick(
      `attempt ${attempt} of ${job} goes to`,
      pool,
      (network) => `network ${pool.indexOf(network)}`,
    );
    try {
      await worker.run({ argv: ['build'], tag: job });
      return;
    } catch (error) {
      if (!isRunnerError(error, 'RUNNER_INJECTED_FAULT')) throw error;
    }
    if (await isStarted(sim, worker, job, looks)) return;
    await sim.sleep(RETRY_MS, `the next attempt of ${job}`);
  }
}

async function isStarted(sim: Simulation, worker: ChaosRunner, job: string, looks: Look[]): Promise<boolean> {
  for (;;) {
    let answer: QueryResult;
    try {
      answer = await worker.statusAll();
    } catch (error) {
      if (!isRunnerError(error, 'RUNNER_INJECTED_FAULT')) throw error;
      await sim.sleep(RETRY_MS, `the next attempt of ${job}`);
      continue;
    }
    const found = answer.statuses.find(({ tag }) => tag === job);
    const seen = found === undefined ? 'is not there' : `is there, as run ${found.runId}, ${found.state}`;
    sim.note(`the scheduler asks for ${job}, and the answer is that it ${seen}`);
    looks.push({ job, text: `${seen}, at ${sim.now()} ms` });
    return found !== undefined;
  }
}
