/** A scheduler crashes between a start and its note of it: its successor finds what runs without anybody to collect it. */
import {
  createFakeRunner,
  defineScenario,
  type FakeRunner,
  finalStatus,
  type ScenarioDefinition,
  type Simulation,
} from 'dryrunner';
import { pickMs, rarely } from './odds.ts';

const JOBS = 2;

/** What outlives a crash: which jobs there are, and which run each of them has. */
interface Journal {
  readonly runs: Map<string, string>;
  readonly collected: Set<string>;
}

class Crash extends Error {}

export const orphan: ScenarioDefinition<unknown> = defineScenario<unknown>({
  name: 'zoo-classic-orphan',
  description:
    'a scheduler starts two jobs, notes their runs in a journal and collects their ends, and may crash at any step and begin anew with its journal, after it has asked the worker for runs that are not in it: every job is started once, and the end of every run is collected',
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
      if (crashes === 0 || !rarely(sim, `the scheduler crashes ${where}`, 5)) return;
      crashes -= 1;
      sim.note('the scheduler crashes, and begins anew after 10 ms');
      throw new Crash(where);
    };
    while (!(await livesToTheEnd(sim, worker, journal, mayCrash))) {
      await sim.sleep(10, 'the scheduler begins anew');
    }
    const { statuses } = await worker.statusAll();
    for (const { runId, tag } of statuses) {
      sim.check(
        journal.collected.has(runId),
        `the end of run ${runId}, started for ${tag}, was never collected\n\nThe journal has run ${journal.runs.get(tag) ?? '(none)'} for ${tag}. Expected each run that was started to be in it.`,
      );
    }
    sim.check(
      statuses.length === JOBS,
      `jobs were started more than once\n\nExpected ${JOBS} runs, got ${statuses.length}.`,
    );
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
    await adopt(sim, worker, journal);
    for (let index = 0; index < JOBS; index += 1) {
      const job = `job ${index}`;
      if (!journal.runs.has(job)) {
        const { runId } = await worker.run({ argv: ['build'], tag: job });
        mayCrash(`after the start of ${job}`);
        journal.runs.set(job, runId);
        sim.note(`the scheduler notes run ${runId} for ${job}`);
      }
      await sim.sleep(
        pickMs(sim, `the scheduler pauses after ${job}`, 3, 10, 0, 'for'),
        `the pause after ${job}`,
      );
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
async function adopt(sim: Simulation, worker: FakeRunner, { runs }: Journal): Promise<void> {
  const { statuses } = await worker.statusAll();
  for (const { runId, tag } of statuses) {
    if (runs.has(tag)) continue;
    runs.set(tag, runId);
    sim.note(`the scheduler asks the worker for its runs, and notes run ${runId} for ${tag}`);
  }
}
