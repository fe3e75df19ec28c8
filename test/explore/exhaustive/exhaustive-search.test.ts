import { toy } from '../toy-bugs.ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ambientTime } from '../../../src/ambient/ambient-time.ts';
import type { LimitingBound } from '../../../src/explore/exhaustive/certificate.ts';
import { certify } from '../../../src/explore/exhaustive/certify.ts';
import { exhaustiveStrategy } from '../../../src/explore/exhaustive/exhaustive-strategy.ts';
import { defineScenario } from '../../../src/simulation/scenario.ts';
import type { Verdict } from '../../../src/simulation/verdict.ts';
import { everyInterleaving } from './every-interleaving.ts';
import { certifiedInPieces, exploreAll, type SeenScenario } from './exhaustive-comparison.ts';
import { machines, machineScenario } from './exhaustive-machines.ts';
import {
  programEvents,
  programScenario,
  EQUAL_TIMERS,
  RARE_PROGRAMS,
  type ProgramEvent,
} from './exhaustive-programs.ts';
import { runnersScenario, userPlan } from './exhaustive-users.ts';

/** Compares the search with brute force; false if the scenario has too many interleavings for that. */
async function agrees(scenario: SeenScenario): Promise<boolean> {
  const all = await exploreAll(scenario, everyInterleaving());
  if (!all.isWhole) return false;
  expect(all.torn).toEqual([]);
  const strategy = exhaustiveStrategy(scenario.definition);
  const reduced = await exploreAll(scenario, strategy);
  const { schedules, failures, complete, executions, equivalent } = strategy.certificate();
  expect(complete).toBe(true);
  expect(reduced.classes).toEqual(all.classes);
  expect(schedules).toBe(all.classes.size);
  expect(executions).toBe(schedules + equivalent);
  expect(executions).toBeLessThanOrEqual(all.executions);
  const failed = [...all.classes.values()].filter((result) => !result.endsWith(' ')).length;
  expect(failures).toBe(failed);
  return true;
}

describe('exhaustive search', () => {
  test('explores each class of equivalent interleavings of any program once, as brute force counts them', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(programEvents(-1, 2), fc.integer({ min: 1, max: 4 }), async (program, failsAt) => {
        if (await agrees(programScenario(program, failsAt))) compared += 1;
      }),
      { seed: 3, numRuns: 200, examples: RARE_PROGRAMS.map((program) => [program, 1]) },
    );
    expect(compared).toBeGreaterThan(100);
  });

  test.each([
    { what: 'ambient time', ambient: ambientTime() },
    {
      what: 'ambient time that stalls',
      ambient: ambientTime({ faults: { stall: { oneIn: 2, stallMs: [1, 2] } } }),
    },
  ])('and of any program in $what, where equal timers fire one after the other', async ({ ambient }) => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(programEvents(-1, 2), fc.integer({ min: 1, max: 4 }), async (program, failsAt) => {
        if (await agrees(programScenario(program, failsAt, ambient))) compared += 1;
      }),
      { seed: 3, numRuns: 150, examples: EQUAL_TIMERS.map((program) => [program, 1]) },
    );
    expect(compared).toBeGreaterThan(75);
  });

  test('and of any users of real runners', async () => {
    let compared = 0;
    const kinds = fc.array(fc.nat(1), { minLength: 1, maxLength: 3 });
    const plans = fc.array(userPlan, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(kinds, plans, async (which, users) => {
        if (await agrees(runnersScenario(which, users))) compared += 1;
      }),
      { seed: 4, numRuns: 25 },
    );
    expect(compared).toBeGreaterThan(15);
  });

  test.each([
    { what: 'one runner with an abort', runners: 1, aborts: 1 },
    { what: 'two runners with an abort', runners: 2, aborts: 1 },
    { what: 'three runners', runners: 3, aborts: 0 },
  ])('and of $what, where all that can race does', async (counts) => {
    const plans = Array.from({ length: counts.runners }, (_, runner) => ({
      runner,
      runMs: 5,
      abortAtMs: runner < counts.aborts ? 5 : undefined,
      waitMs: Infinity,
      timeoutMs: 0,
      step: '# nothing',
      releasesAtMs: undefined,
      chooses: false,
    }));
    const kinds = plans.map(() => 0);
    expect(await agrees(runnersScenario(kinds, plans))).toBe(true);
  });
});

describe('a search whose executions are cut off and run again', () => {
  test.each([
    { what: 'that reduces', scenarios: programEvents(-1, 2).map((program) => programScenario(program, 2)) },
    {
      what: 'that merges states',
      scenarios: machines.map((machine) => machineScenario(machine, (...state) => state)),
    },
  ])('$what ends with the certificate of one that was not', async ({ scenarios }) => {
    let cutOff = 0;
    await fc.assert(
      fc.asyncProperty(scenarios, async ({ definition }) => {
        const whole = await certify(definition, { maxExecutions: 300 });
        if (!whole.complete) return;
        const found = await certifiedInPieces(definition);
        expect(found.certificate).toEqual({ ...whole, bounds: {} });
        cutOff += found.cutOff;
      }),
      { seed: 6, numRuns: 60 },
    );
    expect(cutOff).toBeGreaterThan(100);
  });
});

/** The bound that just contains a schedule: how much of what the bound limits the schedule takes. */
const TAKEN: Readonly<Record<LimitingBound, (verdict: Verdict) => number>> = {
  maxDelays: (verdict) =>
    verdict
      .decisions()
      .reduce((sum, { question, answer }) => (question.kind === 'order' ? sum + answer : sum), 0),
  maxFaults: (verdict) =>
    verdict.decisions().filter(({ question, answer }) => answer !== 0 && question.kind !== 'order').length,
  maxDecisions: (verdict) => verdict.decisions().findLastIndex(({ answer }) => answer !== 0) + 1,
};

/** Compares the search within a bound with brute force; undefined if the program has too many interleavings for that. */
async function limitedWithin(
  program: readonly ProgramEvent[],
  bound: LimitingBound,
  most: number,
): Promise<boolean | undefined> {
  const scenario = programScenario(program, 2);
  const all = await exploreAll(scenario, everyInterleaving());
  if (!all.isWhole) return undefined;
  const within = await exploreAll(scenario, everyInterleaving(), (verdict) => TAKEN[bound](verdict) <= most);
  const strategy = exhaustiveStrategy(scenario.definition, { [bound]: most });
  const found = await exploreAll(scenario, strategy);
  const { complete, schedules, limitedBy } = strategy.certificate();
  expect(found.classes).toEqual(within.classes);
  expect([complete, schedules]).toEqual([true, within.classes.size]);
  if (within.classes.size < all.classes.size) expect(limitedBy).toEqual([bound]);
  if (limitedBy.length === 0) expect(within.classes.size).toBe(all.classes.size);
  return limitedBy.length > 0;
}

describe('a bound', () => {
  test.each(['maxDelays', 'maxFaults', 'maxDecisions'] as const)(
    '%s leaves out only what is beyond it, and the certificate says so',
    async (bound) => {
      let limited = 0;
      await fc.assert(
        fc.asyncProperty(
          programEvents(-1, 2),
          fc.nat(bound === 'maxDecisions' ? 4 : 2),
          async (program, most) => {
            if ((await limitedWithin(program, bound, most)) === true) limited += 1;
          },
        ),
        { seed: 5, numRuns: 60 },
      );
      expect(limited).toBeGreaterThan(5);
    },
  );

  test('on delays counts each event that another one passes over', async () => {
    const ordersWithin = async (maxDelays: number): Promise<string[]> => {
      const orders = new Set<string>();
      const four = toy('four', (sim) => {
        let order = '';
        for (const name of 'abcd') sim.world.clock.post(name, () => void (order += name));
        sim.world.clock.timer('look', 0.5, () => orders.add(order));
      });
      await certify(four, { maxDelays });
      return [...orders].sort();
    };
    expect(await ordersWithin(1)).toEqual(['abcd', 'abdc', 'acbd', 'bacd']);
    expect(await ordersWithin(2)).toEqual([
      ...['abcd', 'abdc', 'acbd', 'acdb', 'adbc', 'bacd', 'badc', 'bcad', 'cabd'],
    ]);
    expect(await ordersWithin(6)).toHaveLength(24);
  });

  test('on delays says that it leaves a last event out also if nothing is due after any of them', async () => {
    const one = toy('one-of-three', (sim) => {
      const events = ['a', 'b', 'c'].map((name) =>
        sim.world.clock.timer(name, 0, () => {
          for (const event of events) event.cancel();
        }),
      );
    });
    expect(await certify(one, { maxDelays: 1 })).toMatchObject({ schedules: 2, limitedBy: ['maxDelays'] });
    expect(await certify(one, { maxDelays: 2 })).toMatchObject({ schedules: 3, limitedBy: [] });
  });

  test('on decisions still answers the first question in every way', async () => {
    const three = defineScenario({
      name: 'three',
      description: 'three events, of which the last is never first',
      async run(sim) {
        const seen: string[] = [];
        for (const name of ['a', 'b', 'c']) sim.world.clock.post(name, () => void seen.push(name));
        await sim.sleep(1);
        sim.check(seen[0] !== 'c', 'c is never first');
      },
    });
    expect(await certify(three, { maxDecisions: 1 })).toMatchObject({
      complete: true,
      schedules: 3,
      failures: 1,
      limitedBy: ['maxDecisions'],
    });
  });
});
