/**
 * Many runners in one simulation, all of which number their runs alike. Invariant: few and many do the same work in all, one after the
 * other in the same process, so that what differs is only how many runners there are at a time.
 */
import { argvScript, createFakeRunner, createSimulatedRunner, finalStatus, simulate } from '../src/index.ts';
import type { Service, Simulation } from '../src/index.ts';
import type { Figure } from './figure.ts';
import { runLeastJobs } from './least-jobs.ts';
import { collectGarbage, costOf, median, type Cost } from './measure.ts';

const COMMAND = { argv: ['sleep 1', 'complete 0'], jobId: 'job', taskId: 'task' };
const GROWTH = 10;
const FAKE = { many: 100_000, jobs: 1 };
const FAKE_SECONDS_MAX = 30;
const SIMULATED = { few: 100, many: 10_000, jobs: 10 };
/** Each of them takes seconds, and its ratio hardly differs from round to round. */
const ROUNDS_MAX = 3;

type MakeRunner = (sim: Simulation, name: string) => Service;

const fake: MakeRunner = (sim, name) => createFakeRunner(sim.world, { name, script: argvScript });
const simulated: MakeRunner = (sim, name) => createSimulatedRunner(sim.world, { name });

/** One simulation with that many runners, each of which does its jobs one after the other; `atWork` of them at a time. */
async function simulateRunners(
  make: MakeRunner,
  runners: number,
  jobs: number,
  atWork = runners,
): Promise<void> {
  const verdict = await simulate({
    seed: 1,
    scenario: async (sim) => {
      const all = Array.from({ length: runners }, (_, index) => make(sim, `runner-${index}`));
      const work = async (runner: Service): Promise<void> => {
        for (let job = 0; job < jobs; job += 1) {
          const { runId } = await runner.run(COMMAND);
          await finalStatus(runner, runId);
        }
      };
      for (let from = 0; from < runners; from += atWork) {
        await Promise.all(all.slice(from, from + atWork).map(work));
      }
      for (const runner of all) await runner.release();
    },
  });
  if (!verdict.held || verdict.runs !== runners * jobs) {
    throw new Error(verdict.failure?.message ?? 'runs are missing');
  }
}

/** The same with few runners, until as many jobs are done. */
async function simulateOften(make: MakeRunner, few: number, times: number, jobs: number): Promise<void> {
  for (let time = 0; time < times; time += 1) await simulateRunners(make, few, jobs);
}

async function runLeastOften(few: number, times: number, jobs: number): Promise<void> {
  for (let time = 0; time < times; time += 1) await runLeastJobs(few, jobs);
}

/** What others have left behind is not charged to whom comes next. */
function costAlone(work: () => unknown): Promise<Cost> {
  collectGarbage();
  return costOf(work);
}

async function measureFake(rounds: number): Promise<Figure[]> {
  const few: Cost[] = [];
  const many: Cost[] = [];
  await simulateRunners(fake, FAKE.many / GROWTH, FAKE.jobs);
  for (let round = 0; round < rounds; round += 1) {
    few.push(await costAlone(() => simulateRunners(fake, FAKE.many / GROWTH, FAKE.jobs)));
    many.push(await costAlone(() => simulateRunners(fake, FAKE.many, FAKE.jobs)));
  }
  const seconds = median(many.map(({ cpuMs }) => cpuMs)) / 1000;
  return [
    {
      name: `${FAKE.many} fake runners, a run each`,
      value: seconds,
      unit: 's',
      goal: FAKE_SECONDS_MAX,
      goalIs: 'most',
      by: 'CPU time',
      peer: 'nobody publishes one',
      note: 'one simulation, all runners at once, trace hashing and default oracles on',
      more: {
        microsecondsPerRunner: (seconds * 1e6) / FAKE.many,
        wallMs: median(many.map(({ wallMs }) => wallMs)),
      },
    },
    {
      name: `time for ${GROWTH} × the fake runners`,
      value: median(many.map(({ cpuMs }, i) => cpuMs / (few[i]?.cpuMs ?? NaN))),
      unit: '×',
      goal: 12,
      goalIs: 'most',
      by: 'CPU time',
      peer: `${FAKE.many / GROWTH} runners in the same round`,
      note: `${FAKE.many / GROWTH} and ${FAKE.many} runners`,
    },
  ];
}

/**
 * Beside all at work, few of them: with that, the cost of many runners is separated from the cost of many open jobs. And the least that
 * so many open jobs cost on this engine, beside the least that few cost.
 */
async function measureSimulated(rounds: number): Promise<Figure[]> {
  const { few, many, jobs } = SIMULATED;
  const costs: Record<'few' | 'some' | 'all' | 'leastFew' | 'leastAll', number[]> = {
    few: [],
    some: [],
    all: [],
    leastFew: [],
    leastAll: [],
  };
  await simulateOften(simulated, few, 10, jobs);
  await runLeastOften(few, 10, jobs);
  for (let round = 0; round < rounds; round += 1) {
    costs.few.push((await costAlone(() => simulateOften(simulated, few, many / few, jobs))).cpuMs);
    costs.some.push((await costAlone(() => simulateRunners(simulated, many, jobs, few))).cpuMs);
    costs.all.push((await costAlone(() => simulateRunners(simulated, many, jobs))).cpuMs);
    costs.leastFew.push((await costAlone(() => runLeastOften(few, many / few, jobs))).cpuMs);
    costs.leastAll.push((await costAlone(() => runLeastJobs(many, jobs))).cpuMs);
  }
  const perJob = (measured: readonly number[]): number => (median(measured) * 1000) / (many * jobs);
  const least = {
    leastRatio: median(costs.leastAll.map((cpuMs, i) => cpuMs / (costs.leastFew[i] ?? NaN))),
    leastMicrosecondsPerJob: perJob(costs.leastAll),
    leastPeerMicrosecondsPerJob: perJob(costs.leastFew),
  };
  const figure = (what: string, measured: readonly number[], more = {}): Figure => ({
    name: `cost per job, ${many} simulated runners, ${what}`,
    value: median(measured.map((cpuMs, i) => cpuMs / (costs.few[i] ?? NaN))),
    unit: '×',
    goal: 1.5,
    goalIs: 'most',
    by: 'CPU time',
    peer: `${few} runners, ${many / few} times, in the same round`,
    note: `${jobs} jobs a runner, trace hashing and default oracles on`,
    more: {
      microsecondsPerJob: perJob(measured),
      peerMicrosecondsPerJob: perJob(costs.few),
      ...more,
    },
  });
  return [figure(`${few} at work`, costs.some), figure('all at work', costs.all, least)];
}

/** What 100,000 fake and 10,000 simulated runners cost beside fewer. */
export async function measureScale(rounds: number): Promise<Figure[]> {
  const times = Math.min(rounds, ROUNDS_MAX);
  return [...(await measureFake(times)), ...(await measureSimulated(times))];
}
