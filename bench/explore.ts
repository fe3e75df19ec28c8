/**
 * Executions of an exploration, some hundred decisions each, with all that an execution has by itself: trace hashing, resource ledger,
 * default oracles, log, a fresh clock. Invariants: every strategy runs the same scenarios in the same process, in turns; the engine is
 * set as the command `explore` sets it.
 */
import {
  createCoverage,
  createExecutor,
  createStrategy,
  explore,
  strategyNames,
} from '../src/explore/index.ts';
import { tuneEngine } from '../src/threads/engine-settings.ts';
import {
  createChaosRunner,
  createFakeRunner,
  createSimulatedRunner,
  defineScenario,
  finalStatus,
  argvScript,
  simulate,
  type ScenarioDefinition,
  type Service,
  type Simulation,
  type Verdict,
} from '../src/index.ts';
import { createRollingHash, topicOf } from '../src/kernel/index.ts';
import { createTraceRecorder } from '../src/trace/index.ts';
import type { Figure } from './figure.ts';
import { interleave, median, type Cost } from './measure.ts';
import { plantedFailures, shrinkFigure, shrinkOnce } from './shrinking.ts';

const EXECUTIONS = 2000;
const GOAL_PER_SECOND = 5000;
const HASHING_SHARE_MAX = 0.25;
/** Compared with `random`; those that end by themselves run too few executions. */
const OTHERS = strategyNames.filter((name) => !['random', 'plain', 'sweep'].includes(name));

/** A client as people write it: it tries again until its job has ended. */
async function finish(sim: Simulation, service: Service, job: number): Promise<void> {
  for (;;) {
    try {
      const { runId } = await service.run({ argv: ['sleep 10', 'complete 0'], taskId: `job-${job}` });
      if (job % 3 === 0) await service.abort(runId);
      await finalStatus(service, runId);
      return;
    } catch {
      await sim.sleep(10);
    }
  }
}

/** Jobs that are spread over three runners behind networks that are late and lose calls. */
function pool(
  name: string,
  jobs: number,
  make: (sim: Simulation, name: string) => Service,
): ScenarioDefinition {
  return defineScenario<unknown>({
    name,
    description: `${jobs} jobs on three runners behind lossy networks`,
    async run(sim) {
      const runners = [0, 1, 2].map((i) =>
        createChaosRunner(sim.world, make(sim, `runner-${i}`), {
          name: `network-${i}`,
          maxDelayMs: 20,
          delaySteps: 4,
          plan: { rates: { run: { before: 0.1 }, abort: { before: 0.1 }, query: { before: 0.1 } } },
        }),
      );
      const done = Array.from({ length: jobs }, (_, job) => finish(sim, runners[job % 3] as Service, job));
      await Promise.all(done);
      for (const runner of runners) await runner.release();
    },
  });
}

/** Half of the decisions are orders of events, a quarter each faults and what the scenario draws. */
const bare = defineScenario<unknown>({
  name: 'bare',
  description: 'events alone, without runners',
  async run(sim) {
    for (let chain = 0; chain < 5; chain += 1) {
      const go = (step: number): void => {
        sim.world.choices.choose(topicOf({ owner: `chain/${chain}`, what: 'send' }).asks('fault'), 8);
        if (step % 2 === 0) sim.choose('draw', 100);
        if (step < 12) sim.world.clock.post({ subject: `chain/${chain}`, what: 'step' }, () => go(step + 1));
      };
      go(1);
    }
    await sim.sleep(1);
  },
});
const DUE = 1000;
const DUE_EXECUTIONS = 200;
const DUE_GOAL_PER_SECOND = 300;
/** What a strategy costs where a decision is one among many. */
const due = defineScenario<unknown>({
  name: 'due',
  description: `${DUE} messages that are due together`,
  async run(sim) {
    let received = 0;
    for (let message = 0; message < DUE; message += 1) {
      sim.world.clock.post({ owner: 'node', what: 'message', subject: `message-${message}` }, () => {
        received += 1;
      });
    }
    await sim.sleep(1);
    sim.check(received === DUE, 'messages are missing');
  },
});
/** The fewest with which an execution takes a hundred decisions. */
const JOBS = 8;
const fake = pool('fake', JOBS, (sim, name) => createFakeRunner(sim.world, { name, script: argvScript }));
const simulated = pool('simulated', JOBS, (sim, name) => createSimulatedRunner(sim.world, { name }));

interface Way {
  readonly scenario: ScenarioDefinition;
  readonly strategy: string;
  readonly maxExecutions: number;
  executions: number;
  decisions: number;
}

async function run(way: Way): Promise<void> {
  const strategy = createStrategy(way.strategy, 1);
  const { maxExecutions } = way;
  const options = { maxExecutions, coverage: createCoverage() };
  const { executions, decisions, failures } = await explore(createExecutor(way.scenario), strategy, options);
  if (failures > 0 || executions !== maxExecutions) throw new Error(`${way.scenario.name} fails`);
  way.executions = executions;
  way.decisions = decisions;
}

/** Hashes again what an execution hashed, so that its share can be seen. */
function hashAgain(verdict: Verdict): () => void {
  const events = verdict.trace();
  const decisions = verdict.decisions();
  return () => {
    for (let i = 0; i < EXECUTIONS; i += 1) {
      const recorder = createTraceRecorder({ hash: createRollingHash() });
      for (const event of events) recorder.record(event);
      const hash = createRollingHash();
      for (const { question: asked, n, answer } of decisions) {
        hash.addString(asked.text);
        hash.addNumber(n);
        hash.addNumber(answer);
      }
      if (recorder.hash() === hash.digest()) throw new Error('two hashes of different things are the same');
    }
  };
}

const perSecond = (count: number, costs: readonly Cost[], by: 'cpuMs' | 'wallMs'): number =>
  Math.round(median(costs.map((cost) => (count * 1000) / cost[by])));

function executionFigure(what: string, way: Way, costs: readonly Cost[], goal: number): Figure {
  const decisions = Math.round(way.decisions / way.executions);
  return {
    name: `executions, ${what}`,
    value: perSecond(way.executions, costs, 'cpuMs'),
    unit: '/s',
    goal,
    goalIs: 'least',
    by: 'CPU time',
    peer: 'nobody publishes one',
    note: `${decisions} decisions each, strategy ${way.strategy}, trace hashing and default oracles on`,
    more: {
      perSecondByWallTime: perSecond(way.executions, costs, 'wallMs'),
      decisionsPerSecond: perSecond(way.decisions, costs, 'cpuMs'),
      bestPerSecond: Math.max(...costs.map((cost) => perSecond(way.executions, [cost], 'cpuMs'))),
    },
  };
}

/** Executions and decisions per second, what strategies add, what hashing costs, and how long shrinking takes. */
export async function measureExplore(rounds: number): Promise<Figure[]> {
  tuneEngine();
  const way = (scenario: ScenarioDefinition, strategy: string, maxExecutions = EXECUTIONS): Way => ({
    scenario,
    strategy,
    maxExecutions,
    executions: 0,
    decisions: 0,
  });
  const ways = { bare: way(bare, 'random'), fake: way(fake, 'random'), simulated: way(simulated, 'random') };
  const others = OTHERS.map((name) => way(fake, name));
  const dues = ['random', ...OTHERS].map((name) => way(due, name, DUE_EXECUTIONS));
  const traced = await simulate({ scenario: (sim) => fake.run(sim, undefined), keepTrace: true, seed: 1 });
  const work: Record<string, () => unknown> = { hashing: hashAgain(traced) };
  for (const [name, one] of Object.entries(ways)) work[name] = () => run(one);
  for (const one of others) work[`fake ${one.strategy}`] = () => run(one);
  for (const one of dues) work[`due ${one.strategy}`] = () => run(one);
  const planted = await plantedFailures();
  for (const one of planted) work[one.scenario.name] = () => shrinkOnce(one);
  // The first round warms up.
  const costs = await interleave(work, rounds + 1);
  const of = (name: string): Cost[] => (costs[name] ?? []).slice(1);
  return [
    executionFigure('events alone', ways.bare, of('bare'), GOAL_PER_SECOND),
    executionFigure('three fake runners and networks', ways.fake, of('fake'), GOAL_PER_SECOND),
    executionFigure('three simulated runners and networks', ways.simulated, of('simulated'), GOAL_PER_SECOND),
    ...others.map((one) =>
      executionFigure(`fake runners, ${one.strategy}`, one, of(`fake ${one.strategy}`), GOAL_PER_SECOND / 2),
    ),
    ...dues.map((one) =>
      executionFigure(
        `${DUE} messages due together, ${one.strategy}`,
        one,
        of(`due ${one.strategy}`),
        DUE_GOAL_PER_SECOND,
      ),
    ),
    {
      name: 'hashing of trace and decisions',
      value: median(of('hashing').map(({ cpuMs }, i) => cpuMs / (of('fake')[i]?.cpuMs ?? NaN))),
      unit: 'of an execution',
      goal: HASHING_SHARE_MAX,
      goalIs: 'most',
      by: 'CPU time',
      peer: 'the same executions as a whole',
      note: 'the events and decisions of one execution on fake runners, hashed again by themselves',
    },
    ...planted.map((one) => shrinkFigure(one, of(one.scenario.name))),
  ];
}
