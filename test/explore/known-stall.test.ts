import { describe, expect, test } from 'vitest';
import { createExecutor, executorWith, type Executor } from '../../src/explore/executor.ts';
import { explain, type Explanation } from '../../src/explore/explain/explanation.ts';
import { formatExplanation } from '../../src/explore/explain/explanation-text.ts';
import { failureKey } from '../../src/explore/failure-key.ts';
import { shrink, shrinkInBrief } from '../../src/explore/shrink/shrinker.ts';
import { sleep } from '../../src/kernel/clock.ts';
import { type Decision, type DescribeAnswer, ExecutionInterrupted } from '../../src/kernel/decisions.ts';
import { randomDecisions } from '../../src/kernel/random-decisions.ts';
import { replayDecisions } from '../../src/kernel/replay-decisions.ts';
import { formatCount } from '../../src/model/plural.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { defineScenario, type ScenarioDefinition } from '../../src/simulation/scenario.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { STALL_EVENTS_LEAST } from '../../src/simulation/stall-watch.ts';
import type { Verdict } from '../../src/simulation/verdict.ts';
import { choice } from '../questions.ts';

/** Beats for ever. */
function startHeartbeat(sim: Simulation, ms: number, label: string): void {
  const beat = async (): Promise<void> => {
    for (;;) await sleep(sim.world.clock, ms, label);
  };
  void beat();
}

function defined(name: string, run: (sim: Simulation) => Promise<void>): ScenarioDefinition {
  return defineScenario<unknown>({
    name,
    description: 'it ends',
    options: { leftovers: 'ignore' },
    run,
  });
}

/** A wait for a run that never ends, while other work repeats. */
const lostWait = defined('lost-wait', async (sim) => {
  startHeartbeat(sim, 1_000, 'heartbeat');
  startHeartbeat(sim, 250, 'look of the watchdog');
  const runner = createSimulatedRunner(sim.world, { name: 'worker' });
  const program = sim.choose('how the run ends', 3) === 2 ? 'hang' : 'sleep 5';
  const { runId } = await runner.run({ argv: [program] });
  await finalStatus(runner, runId);
});

/** A promise of its own. */
const lostPromise = defined('lost-promise', async (sim) => {
  startHeartbeat(sim, 1_000, 'heartbeat');
  await lockWhichNobodyReleases(sim);
});

async function lockWhichNobodyReleases(sim: Simulation): Promise<void> {
  if (sim.choose('is it lost', 2) === 0) return;
  const released = new Promise(nothing);
  await released;
}

const LOST: Decision = { question: choice('is it lost'), n: 2, answer: 1 };

function nothing(): void {}

interface CountingExecutor extends Executor {
  readonly eventsOfEach: number[];
}

function counting(executor: Executor): CountingExecutor {
  return {
    scenario: executor.scenario,
    eventsOfEach: [],
    async execute(request) {
      const verdict = await executor.execute(request);
      this.eventsOfEach.push(verdict.firedEvents);
      return verdict;
    },
  };
}

/** The first execution under the seeds from 1 that fails. */
async function found(executor: Executor): Promise<{ readonly verdict: Verdict; readonly key: string }> {
  for (let seed = 1; ; seed += 1) {
    const verdict = await executor.execute({ source: randomDecisions(String(seed)) });
    if (verdict.failure !== undefined) return { verdict, key: failureKey(verdict.failure) };
  }
}

/** The text of an explanation. */
async function explanationOf(executor: Executor, log: readonly Decision[]): Promise<string> {
  const explanation = await explain(executor, log);
  return formatExplanation(explanation)
    .map(({ text }) => text)
    .join('\n');
}

// Points 1, 8 and 13: a stall of 123,264 events took longer to make small and explain than there was time for.
describe('a stall', () => {
  test('is shrunk mostly with a short watch, and the result is the same with the full one', async () => {
    const executor = counting(createExecutor(lostWait));
    const { verdict, key } = await found(executor);
    expect(key).toMatch(/^stall R211 /);
    executor.eventsOfEach.length = 0;
    const { log, stoppedBy, verdict: small } = await shrink(executor, verdict.decisions(), key);
    expect(stoppedBy).toBe('minimal');
    expect(log.filter(({ answer }) => answer > 0)).toMatchObject([
      { question: { text: 'how the run ends' }, answer: 2 },
    ]);
    const inFull = executor.eventsOfEach.filter((events) => events >= STALL_EVENTS_LEAST);
    expect(inFull).toHaveLength(2);
    expect(executor.eventsOfEach.length).toBeGreaterThan(4);
    const replayed = await createExecutor(lostWait).execute({ source: replayDecisions(log) });
    expect([replayed.traceHash, replayed.firedEvents]).toEqual([small.traceHash, small.firedEvents]);
  });

  test('is explained with who waits for whom, where, and what goes on for ever', async () => {
    const executor = createExecutor(lostWait);
    const text = await explanationOf(executor, [{ question: choice('how the run ends'), n: 3, answer: 2 }]);
    expect(text).toMatch(
      /In detail\n {2}the wait for the end of run 0 on worker, since 0 ms\n {4}\S.*known-stall\.test\.ts:\d+:\d+\)\n/,
    );
    expect(text).toMatch(
      / {2}repeats: look of the watchdog, every 250 ms\n {2}repeats: heartbeat, every 1000 ms\n/,
    );
    // The last steps are those of what goes on, and the await is that of the wait.
    expect(text).not.toMatch(/the last steps|the scenario waits here/);
    expect(text).toContain('If "how the run ends" had been 1 instead of 2, nothing would have failed.');
  });

  test('on a bare promise is located by the line that awaits it', async () => {
    const executor = createExecutor(lostPromise);
    const text = await explanationOf(executor, [LOST]);
    expect(text).toContain('the scenario awaits a promise that nothing is left to settle');
    expect(text).toMatch(
      /In detail\n {2}the scenario waits here, for a promise that nothing settles\n {4}lockWhichNobodyReleases \(.*known-stall\.test\.ts:\d+:\d+\)\n/,
    );
    expect(text).toMatch(/ {2}that promise was made here\n {4}lockWhichNobodyReleases \(/);
  });

  test('is shrunk with the full watch where a short one mistakes slow work for a stall', async () => {
    const slow = defined('slow', async (sim) => {
      startHeartbeat(sim, 1, 'heartbeat');
      const mode = sim.choose('mode', 3);
      if (mode === 0) return;
      await new Promise<void>((resolve) => {
        const work = async (): Promise<void> => {
          for (let left = 12_000; left > 0; left -= 1) await sleep(sim.world.clock, 1, 'work');
          if (mode === 1) resolve();
        };
        void work();
      });
    });
    const { verdict, key } = await found(createExecutor(slow));
    const { log } = await shrink(createExecutor(slow), verdict.decisions(), key);
    expect(log.find(({ question }) => question.text === 'mode')?.answer).toBe(2);
  });

  test('is shrunk with the short watch alone where there is no time for the full one', async () => {
    const executor = createExecutor(lostPromise);
    const { verdict, key } = await found(executor);
    const interrupted: Executor = {
      scenario: executor.scenario,
      execute: (request) =>
        executor.execute({
          ...request,
          onTurn: () => {
            throw new ExecutionInterrupted('no time');
          },
        }),
    };
    const brief: Executor = {
      scenario: executor.scenario,
      execute: (request) => executor.execute({ ...request, stallLookEvery: 512 }),
    };
    const { isWhole, verdict: small } = await shrinkInBrief(interrupted, brief, verdict.decisions(), key, {});
    expect(isWhole).toBe(false);
    expect(small.firedEvents).toBeLessThan(5_000);
  });
});

/** Work that no function of the scenario continues: it ends after 20,000 rounds, with one decision never. */
async function longWork(sim: Simulation): Promise<void> {
  const isEndless = sim.choose('d', 5) === 3;
  await new Promise<void>((resolve) => {
    let rounds = 0;
    const step = (): void => {
      rounds += 1;
      if (rounds >= 20_000 && !isEndless) resolve();
      else sim.world.clock.timer('step', 1, step);
    };
    step();
  });
}

describe('what would have held instead of a stall', () => {
  const log: readonly Decision[] = [{ question: choice('d'), n: 5, answer: 3 }];

  test('says of a value that holds after long work that it holds', async () => {
    const ends: DescribeAnswer = (answer) => ['at once', 'late', 'never'][answer];
    const slow = defined('slow', async (sim) => {
      startHeartbeat(sim, 1, 'heartbeat');
      const end = sim.choose('the end', 3, ends);
      await new Promise<void>((resolve) => {
        let left = end === 0 ? 1 : 12_000;
        const step = (): void => {
          left -= 1;
          if (left <= 0 && end < 2) resolve();
          else sim.world.clock.timer('step', 1, step);
        };
        step();
      });
    });
    const { valueOutcomes } = await explain(createExecutor(slow), [
      { question: choice('the end'), n: 3, answer: 2 },
    ]);
    expect(valueOutcomes).toEqual([
      {
        what: '"the end"',
        fails: ['never'],
        failsOtherwise: [],
        holds: ['at once', 'late'],
        examples: [],
        untried: 0,
      },
    ]);
  });

  test('is tried with the usual watch if the short one finds nothing', async () => {
    const executor = createExecutor(
      defined('long-work', async (sim) => {
        startHeartbeat(sim, 1, 'heartbeat');
        await longWork(sim);
      }),
    );
    const text = await explanationOf(executor, log);
    expect(text).toContain('If "d" had been 2 instead of 3, nothing would have failed.');
  });
});

describe('a stall without unusual decisions', () => {
  /** Two orders of one question at each beat, in a stall that is found early. */
  const explained = (decide: (sim: Simulation) => boolean): Promise<Explanation> => {
    const executor = createExecutor(
      defined('beats', async (sim) => {
        startHeartbeat(sim, 10, 'one beat');
        startHeartbeat(sim, 10, 'other beat');
        await sleep(sim.world.clock, 5, 'begin');
        if (decide(sim)) return;
        await new Promise(nothing);
      }),
    );
    return explain(executorWith(executor, { stallLookEvery: 512 }), []);
  };

  test('varies only the first of the decisions that repeat, and says so', async () => {
    const explanation = await explained(() => false);
    const { nearestSearch } = explanation;
    expect(nearestSearch).toEqual({
      ...{ executions: 5, isComplete: true, untried: 0 },
      repeated: expect.toSatisfy((count: number) => count > 1_000),
    });
    expect(formatExplanation(explanation).map(({ text }) => text)).toContain(
      `  Nothing nearby: 5 executions with other decisions fail as well; ${formatCount(nearestSearch.repeated ?? 0)} decisions of what repeats were not varied.`,
    );
  });

  test('names the decision before them that would have held', async () => {
    const { nearestPass, nearestSearch } = await explained((sim) => sim.choose('is it done', 2) === 1);
    expect(nearestPass?.text).toContain(
      'If "is it done" had been 1 instead of 0, nothing would have failed.',
    );
    expect(nearestSearch.executions).toBeLessThan(10);
  });
});

describe('a deadlock', () => {
  test('on a bare promise is located by the line that awaits it', async () => {
    const executor = createExecutor(defined('deadlock', (sim) => lockWhichNobodyReleases(sim)));
    expect(await explanationOf(executor, [LOST])).toMatch(
      / {2}the scenario waits here, for a promise that nothing settles\n {4}lockWhichNobodyReleases \(.*known-stall\.test\.ts/,
    );
  });

  test('shows no place if there is no time to look for it', async () => {
    const executor = createExecutor(defined('deadlock', (sim) => lockWhichNobodyReleases(sim)));
    const { verdict } = await found(executor);
    const { details, nearestSearch } = await explain(executor, verdict.decisions(), {
      shouldStop: () => true,
    });
    expect(details.map(({ text }) => text)).not.toContain(
      'the scenario waits here, for a promise that nothing settles',
    );
    expect(nearestSearch).toMatchObject({ stoppedBy: 'stopped', executions: 0 });
  });
});
