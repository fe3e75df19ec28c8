import { describe, expect, test } from 'vitest';
import { formatCertificate, type Certificate } from '../../../src/explore/exhaustive/certificate.ts';
import { certify } from '../../../src/explore/exhaustive/certify.ts';
import { createExecutor } from '../../../src/explore/executor.ts';
import { exhaustiveStrategy } from '../../../src/explore/exhaustive/exhaustive-strategy.ts';
import { explore } from '../../../src/explore/explorer.ts';
import { ExecutionInterrupted } from '../../../src/kernel/decisions.ts';
import { isRunnerError } from '../../../src/kernel/errors.ts';
import { createSimulatedRunner } from '../../../src/runners/simulated-runner.ts';
import { finalStatus } from '../../../src/model/status-lookup.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Simulation } from '../../../src/simulation/simulation.ts';

const dice = defineScenario({
  name: 'dice',
  description: 'never two sixes',
  run(sim) {
    const sum = sim.choose('first', 6) + sim.choose('second', 6);
    sim.check(sum < 10, 'two sixes');
  },
});

/** The abort of a run races with its end. */
const abortRace = defineScenario({
  name: 'abort-race',
  description: 'a run is aborted as it ends',
  async run(sim) {
    const runner = createSimulatedRunner(sim.world);
    const { runId } = await runner.run({ argv: ['sleep 5', 'complete 0'] });
    await sim.sleep(5);
    const { state } = await runner.abort(runId);
    const { status } = await finalStatus(runner, runId);
    sim.check(status.state === state, 'both say the same');
    await runner.release();
  },
});

describe('a search', () => {
  test('that completed vouches for every schedule, including those that failed', async () => {
    const certificate = await certify(dice);
    expect(certificate).toEqual({
      scenario: 'dice',
      schedules: 36,
      failures: 1,
      executions: 36,
      equivalent: 0,
      bounds: {},
      limitedBy: [],
      complete: true,
    });
  });

  test('finds both ends of a race, with the logs that repeat them', async () => {
    const ends: string[] = [];
    await certify(abortRace, {
      onExecution: ({ endStates }) => ends.push(...Object.keys(endStates)),
    });
    expect(new Set(ends)).toEqual(new Set(['COMPLETE', 'ABORTED']));
  });

  test.each([
    { name: 'maxExecutions', stoppedBy: 'maxExecutions', options: { maxExecutions: 7 }, schedules: 7 },
    { name: 'a failure', stoppedBy: 'failure', options: { onFailure: () => false }, schedules: 36 },
    { name: 'its caller', stoppedBy: 'interruption', options: { shouldStop: after(3) }, schedules: 3 },
  ] as const)('that was stopped by $name says so', async ({ stoppedBy, schedules, options }) => {
    const certificate = await certify(dice, options);
    expect(certificate).toMatchObject({ complete: false, stoppedBy, schedules });
  });

  test('that was asked to stop after a failure that does not end it says so', async () => {
    const all = defineScenario({
      name: 'all',
      description: 'fails with every answer',
      run(sim) {
        sim.check(sim.choose('die', 6) > 5, 'more than a die has');
      },
    });
    const certificate = await certify(all, { shouldStop: after(2) });
    expect(certificate).toMatchObject({ complete: false, stoppedBy: 'interruption', failures: 2 });
  });

  test('that has come to its bound on executions stays incomplete however often it is asked to go on', async () => {
    const strategy = exhaustiveStrategy(dice, { maxExecutions: 34 });
    for (let time = 0; time < 4; time += 1) await explore(createExecutor(dice), strategy);
    expect(strategy.certificate()).toMatchObject({
      complete: false,
      stoppedBy: 'maxExecutions',
      executions: 34,
    });
  });

  test('whose only execution was cut off has explored nothing', async () => {
    const strategy = exhaustiveStrategy(dice);
    const onTurn = (): void => {
      throw new ExecutionInterrupted('the time is up');
    };
    await explore(createExecutor(dice), strategy, { onTurn });
    expect(strategy.certificate()).toMatchObject({
      complete: false,
      stoppedBy: 'interruption',
      executions: 0,
    });
  });

  test('that ends exactly at its bound on executions is complete', async () => {
    expect(await certify(dice, { maxExecutions: 36 })).toMatchObject({ complete: true, schedules: 36 });
  });

  test('vouches for nothing before it begins', () => {
    expect(exhaustiveStrategy(dice).certificate()).toMatchObject({
      complete: false,
      stoppedBy: 'interruption',
      schedules: 0,
    });
  });

  test.each([
    { what: 'asks another question', ask: (round: number) => round },
    { what: 'asks fewer questions', ask: () => undefined },
  ])('ends when the scenario $what after the same answers', async ({ ask }) => {
    let round = 0;
    const fickle = defineScenario({
      name: 'fickle',
      description: 'keeps something outside of the simulation',
      run(sim) {
        round += 1;
        const n = ask(round) ?? (round === 1 ? 1 : 0);
        if (n > 0) sim.choose('first', n + 1);
        sim.choose('second', 2);
      },
    });
    expect(await certify(fickle)).toMatchObject({ complete: false, stoppedBy: 'divergence' });
  });

  test.each([
    {
      what: 'a question of another name',
      run: (sim: Simulation, isOdd: boolean): void => {
        const answer = sim.choose(isOdd ? 'left' : 'right', 2);
        sim.check(answer === 0 || isOdd, 'only the right one fails');
      },
    },
    {
      what: 'about the order of other events',
      run: async (sim: Simulation, isOdd: boolean): Promise<void> => {
        const seen: string[] = [];
        for (const name of isOdd ? ['a', 'b'] : ['b', 'a']) {
          sim.world.clock.post(name, () => void seen.push(name));
        }
        await sim.sleep(1);
        sim.check(seen[0] === (isOdd ? 'b' : 'a') || !isOdd, 'the other was first');
      },
    },
  ])('ends when the scenario asks $what after the same answers, although out of as many', async ({ run }) => {
    let runs = 0;
    const fickle = defineScenario({
      name: 'fickle',
      description: 'keeps something outside of the simulation',
      run: (sim) => run(sim, runs++ % 2 === 1),
    });
    expect(await certify(fickle)).toMatchObject({ complete: false, stoppedBy: 'divergence' });
  });

  test.each([{ maxFaults: -1 }, { maxDelays: 0.5 }, { maxExecutions: NaN }, { maxDecisions: '3' as never }])(
    'is refused with the bounds %o',
    (bounds) => {
      expect(() => exhaustiveStrategy(dice, bounds)).toThrow(
        expect.toSatisfy((error: unknown) => isRunnerError(error, 'RUNNER_INVALID_ARGUMENT')),
      );
    },
  );

  test('gives up executions that show nothing new, which are not failures', async () => {
    const scenario = defineScenario({
      name: 'three-users',
      description: 'three users of two parts',
      async run(sim) {
        const { clock } = sim.world;
        const { isolate } = sim.world;
        const parts = [0, 1, 2].map((part) => isolate?.(sim.world, `p${part}`)?.clock ?? clock);
        // The last event of each part is dependent on one of another part through the end of the instant.
        parts.forEach((part, index) =>
          part.post('own', () => {
            if (index < 2) part.endOfInstant('late', 0, () => {});
            part.post('next', () => {
              if (index > 0) part.endOfInstant('late', 0, () => {});
            });
          }),
        );
        await sim.sleep(1);
      },
    });
    const kinds = new Map<string, number>();
    const strategy = exhaustiveStrategy(scenario);
    const { executions, failures } = await explore(createExecutor(scenario), strategy, {
      onExecution: ({ failure }) => {
        const kind = failure?.kind ?? 'held';
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      },
    });
    const { equivalent, schedules } = strategy.certificate();
    expect([failures, kinds.get('abandoned'), kinds.get('held')]).toEqual([0, equivalent, schedules]);
    expect(equivalent).toBeGreaterThan(0);
    expect(executions).toBe(equivalent + schedules);
  });
});

function after(executions: number): () => boolean {
  let asked = 0;
  return () => {
    asked += 1;
    return asked > executions;
  };
}

const WHOLE: Certificate = {
  scenario: 'dice',
  schedules: 1_234_567,
  failures: 0,
  executions: 1_300_000,
  equivalent: 65_433,
  bounds: {},
  limitedBy: [],
  complete: true,
};

test.each<{ text: string; certificate: Partial<Certificate> }>([
  { text: 'All 1,234,567 distinct schedules of dice were explored, none fails.', certificate: {} },
  {
    text: 'All 1,234,567 distinct schedules of dice were explored, 2 fail.',
    certificate: { failures: 2 },
  },
  {
    text: 'The only distinct schedule of dice was explored, and it holds.',
    certificate: { schedules: 1 },
  },
  {
    text: 'No certificate: it was asked to stop after 12 distinct schedules of dice, 1 fails.',
    certificate: { schedules: 12, failures: 1, complete: false, stoppedBy: 'interruption' },
  },
  {
    text: 'No certificate: it was stopped at a failure after 0 distinct schedules of dice.',
    certificate: { schedules: 0, complete: false, stoppedBy: 'failure' },
  },
  {
    text: 'All of dice was explored: 26 states, 3 schedules that ran to the end, none fails.',
    certificate: { schedules: 3, states: { distinct: 26, merged: 21, checked: 19 } },
  },
  {
    text: '43 executions, of which 21 came to a state that was explored before, and 19 explored such a state again, as a check.',
    certificate: { executions: 43, states: { distinct: 26, merged: 21, checked: 19 } },
  },
  {
    text: 'All 1,234,567 distinct schedules of dice within the bounds were explored, none fails.',
    certificate: { bounds: { maxFaults: 3 }, limitedBy: ['maxFaults'] },
  },
  { text: 'Bounds: none.', certificate: {} },
  {
    text: 'Bounds: at most 3 unusual answers per schedule, which leaves schedules out.',
    certificate: { bounds: { maxFaults: 3 }, limitedBy: ['maxFaults'] },
  },
  {
    text: 'Bounds: at most 9 executions; at most 1 delay per schedule, which leaves nothing out.',
    certificate: { bounds: { maxExecutions: 9, maxDelays: 1 } },
  },
  {
    text: '1,300,000 executions, of which 65,433 turned out to be equivalent to another one.',
    certificate: {},
  },
])('a certificate reads: $text', ({ text, certificate }) => {
  expect(formatCertificate({ ...WHOLE, ...certificate }).split('\n')).toContain(text);
});

test.each([
  { what: 'that is not complete and does not say why', end: { complete: false }, field: 'stoppedBy' },
  {
    what: 'that is complete and was stopped',
    end: { complete: true, stoppedBy: 'failure' },
    field: 'stoppedBy',
  },
  { what: 'with a stop in place of false', end: { complete: { stoppedBy: 'failure' } }, field: 'complete' },
])('a certificate $what is refused', ({ end, field }) => {
  expect(() => formatCertificate({ ...WHOLE, ...end } as Certificate)).toThrow(`certificate.${field}:`);
});
