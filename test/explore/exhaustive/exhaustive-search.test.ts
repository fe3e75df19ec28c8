import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exhaustiveStrategy } from '../../../src/explore/exhaustive/exhaustive-strategy.ts';
import type { Verdict } from '../../../src/simulation/verdict.ts';
import { everyInterleaving } from './every-interleaving.ts';
import { exploreAll, type SeenScenario } from './exhaustive-comparison.ts';
import { programEvents, programScenario, RARE_PROGRAMS } from './exhaustive-programs.ts';
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

/** Answers other than 0 to questions about order, and to all others. */
function spentIn(verdict: Verdict): { readonly delays: number; readonly faults: number } {
  const spent = verdict.decisions().filter(({ answer }) => answer !== 0);
  const delays = spent.filter(({ question }) => question.kind === 'order').length;
  return { delays, faults: spent.length - delays };
}

describe('a bound', () => {
  const bound = fc.record({ kind: fc.constantFrom('maxDelays', 'maxFaults'), most: fc.nat(2) });

  test('on delays or faults leaves out only what is beyond it, and the certificate says so', async () => {
    await fc.assert(
      fc.asyncProperty(programEvents(-1, 2), bound, async (program, { kind, most }) => {
        const scenario = programScenario(program, 2);
        const spends = (verdict: Verdict): number =>
          spentIn(verdict)[kind === 'maxDelays' ? 'delays' : 'faults'];
        const all = await exploreAll(scenario, everyInterleaving());
        if (!all.isWhole) return;
        const within = await exploreAll(scenario, everyInterleaving(), (verdict) => spends(verdict) <= most);
        const strategy = exhaustiveStrategy(scenario.definition, { [kind]: most });
        const found = await exploreAll(scenario, strategy);
        const { complete, schedules, limitedBy } = strategy.certificate();
        expect(found.classes).toEqual(within.classes);
        expect([complete, schedules]).toEqual([true, within.classes.size]);
        if (within.classes.size < all.classes.size) expect(limitedBy).toEqual([kind]);
        if (limitedBy.length === 0) expect(within.classes.size).toBe(all.classes.size);
      }),
      { seed: 5, numRuns: 60 },
    );
  });

  test('on decisions explores some of the schedules, each once', async () => {
    await fc.assert(
      fc.asyncProperty(programEvents(-1, 2), fc.nat(4), async (program, maxDecisions) => {
        const scenario = programScenario(program, 2);
        const all = await exploreAll(scenario, everyInterleaving());
        if (!all.isWhole) return;
        const strategy = exhaustiveStrategy(scenario.definition, { maxDecisions });
        const found = await exploreAll(scenario, strategy);
        const { complete, schedules, limitedBy } = strategy.certificate();
        expect([...all.classes]).toEqual(expect.arrayContaining([...found.classes]));
        expect([complete, schedules]).toEqual([true, found.classes.size]);
        if (limitedBy.length === 0) expect(found.classes).toEqual(all.classes);
      }),
      { seed: 5, numRuns: 60 },
    );
  });
});
