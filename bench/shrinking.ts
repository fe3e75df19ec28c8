/**
 * How long it takes to make a failing log small, and how small it gets, on two planted bugs: one needs a lost reply, the other one message
 * that overtakes another. Invariant: the log is the first failing one of the random strategy with seed 1, found before anything is timed.
 */
import {
  createExecutor,
  explore,
  failureKey,
  randomStrategy,
  shrink,
  type ShrinkEnd,
} from '../src/explore/index.ts';
import {
  createChaosRunner,
  createSimulatedRunner,
  defineScenario,
  finalStatus,
  type Decision,
  type ScenarioDefinition,
  type Verdict,
} from '../src/index.ts';
import type { Figure } from './figure.ts';
import { median, type Cost } from './measure.ts';

/** A reader who waits for a report has not gone away by then; nobody has stated another figure. */
const SHRINK_MS_MAX = 10_000;

const END: Readonly<Record<ShrinkEnd, string>> = {
  minimal: 'nothing makes it smaller',
  executions: 'the executions were spent',
  stopped: 'it was stopped',
  flaky: 'its executions differ',
};

/** Starts a job again when the reply to its start was lost, without looking whether it runs. */
const doubleStart = defineScenario<unknown>({
  name: 'double-start',
  description: 'no job starts twice although replies get lost',
  async run(sim) {
    const worker = createSimulatedRunner(sim.world, { name: 'worker', capacity: 9, history: 0 });
    const network = createChaosRunner(sim.world, worker, {
      name: 'network',
      maxDelayMs: 20,
      plan: { rates: { run: { before: 0.1, after: 0.05 } } },
    });
    for (let job = 0; job < 6; job += 1) {
      for (let isStarted = false; !isStarted;) {
        try {
          const { runId } = await network.run({ argv: ['sleep 30', 'complete 0'], taskId: `job-${job}` });
          await finalStatus(network, runId);
          isStarted = true;
        } catch {
          await sim.sleep(100);
        }
      }
    }
    const { statuses } = await worker.statusAll();
    sim.check(statuses.length === 6, 'a job was started twice');
    await network.release();
  },
});

/** Takes for granted that messages arrive in the order in which they were sent. */
const overtaken = defineScenario<unknown>({
  name: 'overtaken',
  description: 'jobs start in the order of their submission',
  async run(sim) {
    const worker = createSimulatedRunner(sim.world, { name: 'worker', capacity: 20, history: 0 });
    const network = createChaosRunner(sim.world, worker, { name: 'network', maxDelayMs: 40, delaySteps: 40 });
    const runs: Promise<unknown>[] = [];
    for (let job = 0; job < 12; job += 1) {
      runs.push(network.run({ argv: ['sleep 5', 'complete 0'], taskId: `job-${job + 10}` }));
      await sim.sleep(10);
    }
    await Promise.all(runs);
    const order = (await worker.statusAll()).statuses.map(({ taskId }) => taskId);
    sim.check(order.join() === [...order].sort().join(), 'a job overtook one that was submitted before it');
    await network.release();
  },
});

/** A bug with its failing log, and what came of making it small. */
export interface PlantedFailure {
  readonly scenario: ScenarioDefinition;
  readonly log: readonly Decision[];
  readonly key: string;
  readonly eventsBefore: number;
  eventsAfter: number;
  executions: number;
  stoppedBy: ShrinkEnd;
}

/** The two bugs. */
export async function plantedFailures(): Promise<PlantedFailure[]> {
  const found: PlantedFailure[] = [];
  for (const scenario of [doubleStart, overtaken]) {
    const failed: Verdict[] = [];
    await explore(createExecutor(scenario), randomStrategy(1), {
      maxExecutions: 10_000,
      onFailure: (verdict) => failed.push(verdict) < 1,
    });
    const [verdict] = failed;
    if (verdict?.failure === undefined) throw new Error(`${scenario.name} was not found`);
    const { firedEvents, failure } = verdict;
    const log = verdict.decisions();
    const key = failureKey(failure);
    const unknown = { eventsAfter: NaN, executions: NaN, stoppedBy: 'stopped' } as const;
    found.push({ scenario, log, key, eventsBefore: firedEvents, ...unknown });
  }
  return found;
}

/** Makes a failing log small, once. */
export async function shrinkOnce(planted: PlantedFailure): Promise<void> {
  const { scenario, log, key } = planted;
  const { verdict, executions, stoppedBy } = await shrink(createExecutor(scenario), log, key);
  planted.eventsAfter = verdict.firedEvents;
  planted.executions = executions;
  planted.stoppedBy = stoppedBy;
}

/** The figure of one bug. */
export function shrinkFigure(planted: PlantedFailure, costs: readonly Cost[]): Figure {
  const { scenario, log, eventsBefore, eventsAfter, executions, stoppedBy } = planted;
  return {
    name: `shrinking, ${scenario.name}`,
    value: Math.round(median(costs.map(({ cpuMs }) => cpuMs))),
    unit: 'ms',
    goal: SHRINK_MS_MAX,
    goalIs: 'most',
    by: 'CPU time',
    peer: `from ${eventsBefore} events of the clock to ${eventsAfter}, in ${executions} executions`,
    note: `a log of ${log.length} decisions; it ended because ${END[stoppedBy]}`,
    more: {
      wallMs: Math.round(median(costs.map(({ wallMs }) => wallMs))),
      ...{ executions, eventsBefore, eventsAfter },
    },
  };
}
