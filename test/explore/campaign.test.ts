import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runCampaign, type CampaignOptions } from '../../src/explore/campaign.ts';
import { mergeCampaignReports } from '../../src/explore/campaign-report.ts';
import type { CampaignEvent, CampaignReport } from '../../src/explore/campaign-report.ts';
import { createCoverage } from '../../src/explore/coverage.ts';
import { createExecutor, type Executor } from '../../src/explore/executor.ts';
import { exhaustiveStrategy } from '../../src/explore/exhaustive/exhaustive-strategy.ts';
import type { FailingExecution } from '../../src/explore/failing-execution.ts';
import { randomStrategy } from '../../src/explore/strategies/random-strategy.ts';
import type { Strategy } from '../../src/explore/strategies/strategy.ts';
import { createStrategy } from '../../src/explore/strategies/create-strategy.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { choice } from '../questions.ts';

function scenarioOf(run: (sim: Simulation) => Promise<void> | void): Executor {
  return createExecutor(defineScenario({ name: 'under-test', description: 'of a test', run }));
}

const dice = scenarioOf((sim) => {
  const eyes = sim.choose('die', 6) + 1;
  sim.sometimes('a six', eyes === 6);
  sim.sometimes('a seven', eyes === 7);
  sim.check(eyes !== 5, 'a five');
  if (eyes === 4) throw new Error(`four in throw ${eyes}`);
});

/** A strategy that reports each end. */
function countingEnds(strategy: Strategy, onEnd: () => void): Strategy {
  return {
    name: strategy.name,
    begin: (index) => strategy.begin(index),
    decide: (label, n, occurrence) => strategy.decide(label, n, occurrence),
    end: (execution) => {
      strategy.end(execution);
      onEnd();
    },
  };
}

async function eventsOf(
  executor: Executor,
  options: CampaignOptions,
  strategy = randomStrategy(1),
): Promise<{ report: CampaignReport; events: CampaignEvent[] }> {
  const events: CampaignEvent[] = [];
  const report = await runCampaign(executor, strategy, {
    ...options,
    onEvent: (event) => events.push(event),
  });
  return { report, events };
}

describe('failures', () => {
  test('the first one ends a campaign, with its log and when it came', async () => {
    const { report, events } = await eventsOf(dice, { maxExecutions: 1_000 });
    expect(report).toMatchObject({ stoppedBy: 'failure', failed: 1 });
    const [failure] = report.failures;
    expect(failure?.decisions).toEqual([
      { question: choice('die'), n: 6, answer: failure?.kind === 'check' ? 4 : 3 },
    ]);
    expect(failure?.executions).toBe(report.executions);
    expect(failure?.index).toBe(report.executions - 1);
    expect(events).toEqual([{ type: 'failure', failure }]);
  });

  test('with keepGoing each key is reported once, however often it occurs', async () => {
    const { report, events } = await eventsOf(dice, { maxExecutions: 300, keepGoing: true });
    expect(report.failures.map(({ key }) => key).sort()).toEqual(['check a five', 'error four in throw #']);
    expect(report).toMatchObject({ stoppedBy: 'executions', executions: 300 });
    expect(report.failed).toBeGreaterThan(20);
    expect(events).toHaveLength(2);
  });

  test('are plain data, without the thrown value', async () => {
    const { report } = await eventsOf(dice, { maxExecutions: 300, keepGoing: true });
    expect(structuredClone(report)).toEqual(report);
    expect(JSON.stringify(report)).not.toContain('cause');
  });

  test('messages with random text do not fill the memory', async () => {
    const noisy = scenarioOf((sim) => {
      const word = Array.from({ length: 4 }, (_, at) => 'abcdefgh'[sim.choose(`letter ${at}`, 8)]).join('');
      throw new Error(word);
    });
    const { report } = await eventsOf(noisy, { maxExecutions: 500, keepGoing: true });
    expect([report.failed, report.failures.length]).toEqual([500, 100]);
  });

  test('an execution that the strategy gives up is not a failure', async () => {
    const executor = scenarioOf(async (sim) => {
      sim.world.clock.post('a', () => {});
      sim.world.clock.post('b', () => {});
      await sim.sleep(1);
    });
    const strategy = exhaustiveStrategy({ name: 'under-test' });
    const { report } = await eventsOf(executor, { auditEvery: 1 }, strategy);
    expect(report).toMatchObject({ stoppedBy: 'exhausted', failed: 0, failures: [] });
    expect(report.audit.differences).toEqual([]);
  });
});

test('sometimes: what was named is reached if any execution reached it', async () => {
  const { report } = await eventsOf(dice, { maxExecutions: 100, keepGoing: true });
  expect(report.sometimes).toEqual({ 'a six': true, 'a seven': false });
});

describe('shards', () => {
  test('together run each index once and find what one campaign finds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 40 }),
        async (shards, count) => {
          const seen: number[] = [];
          const options = {
            keepGoing: true,
            onExecution: (_: unknown, index: number) => void seen.push(index),
          };
          const whole = await runCampaign(dice, randomStrategy(7), {
            ...options,
            maxExecutions: count * shards,
          });
          const alone = seen.splice(0);
          const parts = await Promise.all([]);
          expect(parts).toEqual([]);
          const reports: CampaignReport[] = [];
          for (let shard = 0; shard < shards; shard += 1) {
            reports.push(
              await runCampaign(dice, randomStrategy(7), {
                ...options,
                ...{ firstIndex: shard, shards, maxExecutions: count },
              }),
            );
          }
          const merged = mergeCampaignReports(reports);
          expect(seen.sort((a, b) => a - b)).toEqual(alone);
          expect(merged.failures.map(({ key }) => key).sort()).toEqual(
            whole.failures.map(({ key }) => key).sort(),
          );
          for (const name of ['executions', 'failed', 'decisions', 'firedEvents', 'nextIndex'] as const) {
            if (count > 0) expect([name, merged[name]]).toEqual([name, whole[name]]);
          }
          expect(merged.sometimes).toEqual(whole.sometimes);
        },
      ),
      { numRuns: 15 },
    );
  });

  test('continuing at nextIndex runs what was left', async () => {
    const run = async (firstIndex: number, maxExecutions: number): Promise<[number[], number]> => {
      const seen: number[] = [];
      const { nextIndex } = await runCampaign(dice, randomStrategy(3), {
        ...{ firstIndex, maxExecutions, shards: 3, keepGoing: true },
        onExecution: (_, index) => void seen.push(index),
      });
      return [seen, nextIndex];
    };
    const [whole] = await run(2, 9);
    const [first, next] = await run(2, 4);
    const [second] = await run(next, 5);
    expect([...first, ...second]).toEqual(whole);
  });
});

describe('the corpus', () => {
  const five = { id: 'five', key: 'check a five', decisions: [{ question: choice('die'), n: 6, answer: 4 }] };
  const one = { id: 'one', key: 'check a five', decisions: [{ question: choice('die'), n: 6, answer: 0 }] };

  test('is tried before the strategy, and ends the campaign if a log still fails', async () => {
    const { report } = await eventsOf(dice, { corpus: [one, five], maxExecutions: 50 });
    expect(report).toMatchObject({ stoppedBy: 'failure', executions: 2, nextIndex: 0 });
    expect(report.failures).toMatchObject([
      { key: 'check a five', index: -1, corpusId: 'five', executions: 2 },
    ]);
  });

  test('what no longer fails, or fails differently, is reported; a log kept for its reach never is', async () => {
    const four = {
      id: 'four',
      key: 'check a five',
      decisions: [{ question: choice('die'), n: 6, answer: 3 }],
    };
    const { events } = await eventsOf(dice, {
      corpus: [one, four, { id: 'seed', decisions: one.decisions }],
      keepGoing: true,
      maxExecutions: 0,
    });
    expect(events.filter(({ type }) => type !== 'failure')).toEqual([
      { type: 'fixed', corpusId: 'one', key: 'check a five' },
      { type: 'changed', corpusId: 'four', key: 'check a five', now: 'error four in throw #' },
    ]);
  });

  test('logs that the scenario no longer asks for do no harm', async () => {
    const stale = {
      id: 'stale',
      key: 'check gone',
      decisions: [{ question: choice('nobody asks'), n: 9, answer: 8 }],
    };
    const { report, events } = await eventsOf(dice, { corpus: [stale], maxExecutions: 0 });
    expect(report.executions).toBe(1);
    expect(events).toEqual([{ type: 'fixed', corpusId: 'stale', key: 'check gone' }]);
  });
});

describe('the end', () => {
  test('a request to stop lets the current execution finish', async () => {
    let turns = 0;
    const long = scenarioOf(async (sim) => {
      for (let i = 0; i < 20_000; i += 1) await sim.sleep(1);
    });
    const options = { shouldStop: () => turns > 1, onTurn: () => void (turns += 1), auditEvery: 0 };
    const { report } = await eventsOf(long, options);
    expect(report).toMatchObject({
      stoppedBy: 'stopped',
      executions: 1,
      failed: 0,
      nextIndex: 1,
      cutOff: [],
    });
  });

  test.for(['random', 'exhaustive'])(
    'an execution that is cut off is reported with its log and who waits, and does not count as held (%s)',
    async (name) => {
      const scenario = defineScenario({
        name: 'endless',
        description: 'of a test',
        async run(sim) {
          sim.choose('first', 3);
          void sim.sleep(1e9, 'a long nap');
          for (;;) await sim.sleep(1);
        },
      });
      const strategy = name === 'exhaustive' ? exhaustiveStrategy(scenario) : createStrategy(name, '1');
      let turns = 0;
      const { report, events } = await eventsOf(
        createExecutor(scenario),
        { shouldCutOff: () => (turns > 3 ? 'Enough' : undefined), onTurn: () => void (turns += 1) },
        strategy,
      );
      expect(report).toMatchObject({ stoppedBy: 'stopped', executions: 0, failed: 0, nextIndex: 0 });
      const [execution] = report.cutOff;
      expect(execution).toMatchObject({
        index: 0,
        message: 'Enough',
        decisions: [{ question: choice('first'), n: 3 }],
      });
      expect(execution?.firedEvents).toBeGreaterThan(1_000);
      expect(execution?.details.join()).toContain('timer a long nap, due at 1000000000 ms');
      expect(events).toEqual([{ type: 'cut-off', execution }]);
      expect(mergeCampaignReports([report, report]).cutOff).toHaveLength(2);
      if (strategy instanceof Object && 'certificate' in strategy) {
        expect(strategy.certificate()).toMatchObject({
          failures: 0,
          complete: false,
          stoppedBy: 'interruption',
        });
      }
    },
  );

  test('a log of the corpus that is cut off is reported too', async () => {
    const entry = { id: 'kept', key: 'check gone', decisions: [] };
    const endless = scenarioOf(async (sim) => {
      for (;;) await sim.sleep(1);
    });
    const { report, events } = await eventsOf(endless, { corpus: [entry], shouldCutOff: () => 'Enough' });
    expect(report).toMatchObject({
      stoppedBy: 'stopped',
      executions: 0,
      cutOff: [{ index: -1, corpusId: 'kept' }],
    });
    expect(events.map(({ type }) => type)).toEqual(['cut-off']);
  });

  test('P2: an execution that takes far more events than any other is given up, so that others get their turn', async () => {
    const scenario = scenarioOf(async (sim) => {
      if (sim.choose('loops', 4) < 3) return;
      for (;;) await sim.sleep(1);
    });
    const { report } = await eventsOf(scenario, { maxExecutions: 20, keepGoing: true, auditEvery: 1 });
    expect(report).toMatchObject({ executions: 20, cutOff: [], audit: { differences: [] } });
    expect(report.failures).toMatchObject([
      { kind: 'budget', firedEvents: 250_000, index: expect.any(Number) },
    ]);
    expect(report.failed).toBeGreaterThan(0);
  });

  test('where all take many events, those that hit a budget first are run again with a larger one', async () => {
    let ended = 0;
    const scenario = scenarioOf(async (sim) => {
      for (let i = 0; i < 260_000; i += 1) await sim.sleep(1);
      ended += 1;
    });
    const indices: number[] = [];
    const tried: number[] = [];
    const undecided: number[][] = [];
    const reruns: unknown[] = [];
    const { report } = await eventsOf(scenario, {
      ...{ maxExecutions: 3, auditEvery: 0 },
      onRerun: (of) => reruns.push(of),
      onExecution: (_verdict, index) => indices.push(index),
      onTried: (index) => tried.push(index),
      onUndecided: (executions) => undecided.push(executions.map(({ index }) => index)),
    });
    expect(report).toMatchObject({ executions: 3, failed: 0, cutOff: [], nextIndex: 3 });
    expect([ended, indices.sort((one, other) => one - other)]).toEqual([3, [0, 1, 2]]);
    expect([tried, undecided, reruns]).toEqual([
      [0, 1, 2],
      [[0], []],
      [{ index: 0 }, undefined],
    ]);
  });

  test('what hit a budget and gets no more time is cut off, even a log of the corpus', async () => {
    const scenario = scenarioOf(async (sim) => {
      for (;;) await sim.sleep(1);
    });
    let executions = 0;
    const tried: number[] = [];
    const undecided: (string | number)[][] = [];
    const strategy = randomStrategy(1);
    const { report } = await eventsOf(
      scenario,
      {
        ...{ corpus: [{ id: 'kept', decisions: [] }], shouldStop: () => executions > 0, auditEvery: 0 },
        onTried: (index) => tried.push(index),
        onUndecided: (cutOff) => undecided.push(cutOff.map(({ index, corpusId }) => corpusId ?? index)),
      },
      countingEnds(strategy, () => {
        executions += 1;
      }),
    );
    expect(report).toMatchObject({ executions: 0, failures: [], stoppedBy: 'stopped' });
    expect(report.cutOff.map(({ index, corpusId, firedEvents }) => [index, corpusId, firedEvents])).toEqual([
      [-1, 'kept', 250_000],
      [0, undefined, 1_000_000],
    ]);
    expect(report.cutOff[0]?.details).toEqual(['repeats every event: scenario sleep']);
    expect([tried, undecided]).toEqual([
      [-1, 0],
      [['kept'], ['kept', 0], [0], []],
    ]);
  });

  test('shows which earlier execution it runs again, and what has been run twice', async () => {
    const scenario = scenarioOf(async (sim) => {
      const events = sim.choose('events', 300_000);
      for (let fired = 0; fired < events; fired += 1) await sim.sleep(1);
    });
    const corpus = [260_000, 20_000].map((answer) => ({
      id: `of ${answer}`,
      decisions: [{ question: choice('events'), n: 300_000, answer }],
    }));
    const shown: unknown[] = [];
    const { report } = await eventsOf(
      scenario,
      {
        ...{ auditEvery: 1, maxExecutions: 2, corpus },
        onRerun: (of) => shown.push(of),
        onAudit: ({ repeated, rerunLater }) => shown.push([repeated, rerunLater]),
      },
      createStrategy('plain'),
    );
    expect(report).toMatchObject({ executions: 3, failed: 0, stoppedBy: 'exhausted' });
    // The first was undecided, until the second had ended; that is compared with the third.
    expect(shown).toEqual([
      ...[{ index: -1, corpusId: 'of 260000' }, undefined, [1, 0]],
      ...[[2, 0], { index: -1, corpusId: 'of 20000' }, undefined, [2, 1]],
    ]);
  });

  test.each([
    ['runs to its end', 'failures'],
    ['gets no more time', 'cutOff'],
  ] as const)('an execution that was undecided and %s keeps its own configuration', async (_, list) => {
    const scenario = scenarioOf(async (sim) => {
      if (sim.choose('loops', 2) === 0) return;
      for (;;) await sim.sleep(1);
    });
    let begun = -1;
    const strategy: Strategy = {
      name: 'first',
      begin: (index) => (begun = index) < 4,
      decide: () => (begun < 2 ? 1 : 0),
      end: () => undefined,
      get configuration() {
        return `of execution ${begun}`;
      },
    };
    const shown: FailingExecution[] = [];
    const { report } = await eventsOf(
      scenario,
      {
        ...{ keepGoing: true, auditEvery: 0 },
        shouldStop: () => list === 'cutOff' && begun === 1,
        onUndecided: (undecided) => shown.push(...undecided),
      },
      strategy,
    );
    expect(report[list].map(({ index }) => index)).toContain(0);
    for (const { index, configuration } of [...report[list], ...shown]) {
      expect(configuration).toBe(`of execution ${index}`);
    }
  });

  test.each([
    ['goes on and on', 8, { failures: [{ kind: 'budget', index: -1, corpusId: 'kept' }] }, 'changed'],
    ['comes to its end', 0, { failures: [], failed: 0 }, 'fixed'],
  ])(
    'a kept log that was undecided as the first, and %s, is still that log',
    async (_, answer, expected, type) => {
      const scenario = scenarioOf(async (sim) => {
        const isEndless = sim.choose('loops', 9) > 0;
        for (let events = 0; isEndless || events < 260_000; events += 1) await sim.sleep(1);
      });
      const kept = {
        id: 'kept',
        key: 'check gone',
        decisions: [{ question: choice('loops'), n: 9, answer }],
      };
      const { report, events } = await eventsOf(scenario, {
        ...{ corpus: [kept, { id: 'ends', decisions: [] }], maxExecutions: 0, auditEvery: 0 },
      });
      expect(report).toMatchObject(expected);
      expect(events).toContainEqual(expect.objectContaining({ type, corpusId: 'kept', key: 'check gone' }));
    },
  );

  test('a bound of the scenario is not a budget of the campaign', async () => {
    const scenario = createExecutor(
      defineScenario({
        ...{ name: 'bounded', description: 'of a test', options: { maxEvents: 5_000 } },
        async run(sim) {
          for (;;) await sim.sleep(1);
        },
      }),
    );
    const { report } = await eventsOf(scenario, { maxExecutions: 5 });
    expect(report).toMatchObject({ executions: 1, failures: [{ kind: 'budget', firedEvents: 5_000 }] });
  });

  test('a strategy that has nothing left to try says so', async () => {
    const coin = scenarioOf((sim) => void sim.choose('coin', 2));
    const { report } = await eventsOf(coin, {}, createStrategy('plain'));
    expect(report.stoppedBy).toBe('exhausted');
  });

  test.for([
    [{ firstIndex: -1 }, 'firstIndex'],
    [{ shards: 0 }, 'shards'],
    [{ auditEvery: 0.5 }, 'auditEvery'],
    [{ maxExecutions: Number.NaN }, 'maxExecutions'],
    [{ corpus: 'logs' }, 'corpus'],
  ] as const)('wrong options are refused: %o', async ([options, name]) => {
    await expect(runCampaign(dice, randomStrategy(), options as CampaignOptions)).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      message: expect.stringContaining(name),
    });
  });
});

test('coverage is measured for strategies that want it, and executions that reach something new are counted', async () => {
  const coverage = createCoverage();
  const noting = scenarioOf((sim) => sim.note('abcdefgh'[sim.choose('letter', 8)] ?? ''));
  const { report } = await eventsOf(noting, { coverage, maxExecutions: 200 }, createStrategy('mutation'));
  expect(coverage.featureCount).toBe(8);
  expect(report.novelExecutions).toBe(8);
});

test('logs that reached something new are returned, and a strategy learns from those tried first', async () => {
  // Each step is taken only by those who have taken all before it.
  const stairs = scenarioOf((sim) => {
    let step = 0;
    while (step < 40 && sim.choose(`step ${step}`, 8) === 5) {
      step += 1;
      sim.note('abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz'.slice(0, step));
    }
    sim.check(step < 40, 'the top');
  });
  const climb = (corpus: CampaignOptions['corpus'] = []): Promise<{ report: CampaignReport }> =>
    eventsOf(stairs, { coverage: createCoverage(), maxExecutions: 300, corpus }, createStrategy('mutation'));
  const first = await climb();
  expect(first.report.failures).toEqual([]);
  expect(first.report.seeds.length).toBeGreaterThan(2);
  const height = ({ report }: { report: CampaignReport }): number =>
    Math.max(...report.seeds.map((log) => log.length));
  const seeds = first.report.seeds.map((decisions, at) => ({ id: String(at), decisions }));
  const second = await climb(seeds);
  expect(height(second)).toBeGreaterThan(height(first));
});

test('a campaign of many executions retains none of them', async () => {
  // What is kept shows in the report, whose size must not depend on the number of executions.
  const small = await eventsOf(dice, { maxExecutions: 200, keepGoing: true });
  const large = await eventsOf(dice, { maxExecutions: 4_000, keepGoing: true });
  const size = ({ report }: { report: CampaignReport }): number => JSON.stringify(report).length;
  expect(Math.abs(size(large) - size(small))).toBeLessThan(20);
});
