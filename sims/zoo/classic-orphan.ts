/** A scheduler crashes between a start and its note of it: its successor finds what runs without anybody to collect it. */
import {
  createFakeRunner,
  defineScenario,
  type FakeRunner,
  finalStatus,
  type ScenarioDefinition,
  type Simulation,
} from 'dryrunner';

const JOBS = 2;

/** What outlives a crash: which jobs there are, and which run each of them has. */
interface Journal {
  readonly runs: Map<string, string>;
  readonly collected: Set<string>;
}

class Crash extends Error {}

export const orphan: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-classic-orphan',
  description: 'a scheduler that crashes now and then: every job runs once, and every run is collected',
  async run(sim) {
    const worker = createFakeRunner(sim.world, {
      name: 'worker',
      capacity: 8,
      history: 8,
      script: () => ({ runMs: 20 }),
    });
    const journal: Journal = { runs: new Map(), collected: new Set() };
    let crashes = 2;
    const mayCrash = (where: string): void => {
      if (crashes === 0 || sim.choose(`the scheduler crashes ${where}`, 5) < 4) return;
      crashes -= 1;
      throw new Crash(where);
    };
    while (!(await livesToTheEnd(sim, worker, journal, mayCrash))) await sim.sleep(10);
    const { statuses } = await worker.statusAll();
    for (const { runId, tag } of statuses) {
      sim.check(journal.collected.has(runId), `run ${runId} of ${tag} was never collected`);
    }
    sim.check(statuses.length === JOBS, `${JOBS} jobs were started ${statuses.length} times`);
    await worker.release();
  },
});

/** One life of the scheduler; false if it ends with a crash. */
async function livesToTheEnd(
  sim: Simulation,
  worker: FakeRunner,
  journal: Journal,
  mayCrash: (where: string) => void,
): Promise<boolean> {
  try {
    await adopt(worker, journal);
    for (let index = 0; index < JOBS; index += 1) {
      const job = `job ${index}`;
      if (!journal.runs.has(job)) {
        const { runId } = await worker.run({ argv: ['build'], tag: job });
        mayCrash(`after the start of ${job}`);
        journal.runs.set(job, runId);
      }
      await sim.sleep(sim.choose(`the scheduler pauses after ${job}`, 3) * 10);
      mayCrash(`after the note of ${job}`);
    }
    for (const runId of journal.runs.values()) {
      await finalStatus(worker, runId);
      journal.collected.add(runId);
    }
    return true;
  } catch (error) {
    if (error instanceof Crash) return false;
    throw error;
  }
}

/** Notes the runs that were started and not noted. */
async function adopt(worker: FakeRunner, { runs }: Journal): Promise<void> {
  const { statuses } = await worker.statusAll();
  for (const { runId, tag } of statuses) if (!runs.has(tag)) runs.set(tag, runId);
}
