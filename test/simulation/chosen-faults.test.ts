import { describe, expect, test } from 'vitest';
import { createSimFiler } from '../../src/filers/sim-filer.ts';
import type { Decision } from '../../src/kernel/decisions.ts';
import { isRunnerError } from '../../src/kernel/errors.ts';
import { fifoDecisions } from '../../src/kernel/fifo-decisions.ts';
import { createDecisions } from '../../src/kernel/decision-log.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import { keyedReplayDecisions } from '../../src/kernel/replay-decisions.ts';
import type { RunTypeMap } from '../../src/model/run-type.ts';
import { finalStatus } from '../../src/model/status-lookup.ts';
import { createMemoryOutputs } from '../../src/outputs/memory-output.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import {
  chosenFilerMenu,
  chosenOutputFaults,
  type ChosenOutputFaultsOptions,
  chosenSkew,
} from '../../src/simulation/chosen-faults.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { Scenario } from '../../src/simulation/simulate-options.ts';

/** Enough of a simulation to be refused for its other arguments. */
const anySim = { world: { clock: createVirtualClock(), choices: createDecisions(fifoDecisions()) } } as never;

/** Five runs on broken disks. */
function onBrokenDisks(options: ChosenOutputFaultsOptions): Scenario {
  return async (sim) => {
    const outputs = createMemoryOutputs({ faults: chosenOutputFaults(sim, options) });
    const runner = createSimulatedRunner(sim.world, { outputs, capacity: 5, history: 0 });
    for (let index = 0; index < 5; index += 1) {
      try {
        const { runId } = await runner.run({ argv: [`stdout ${'x'.repeat(100)}`, 'sleep 5', 'complete 0'] });
        await finalStatus(runner, runId);
      } catch (error) {
        if (!isRunnerError(error, 'RUNNER_UNHEALTHY')) throw error;
      }
    }
    await runner.release();
  };
}

/** Five runs on a filer that goes wrong, each with a timeout. */
const onBrokenFiler: Scenario = async (sim) => {
  const { clock, choices, tracer } = sim.world;
  const filer = createSimFiler({ clock, choices, tracer, name: 'f', menu: chosenFilerMenu({ oneIn: 3 }) });
  const filers: RunTypeMap = new Map([['scoot', { filer }]]);
  const runner = createSimulatedRunner(sim.world, { filers, capacity: 5, history: 0 });
  for (let index = 0; index < 5; index += 1) {
    try {
      const { runId } = await runner.run({ argv: ['complete 0'], snapshotId: `s${index}`, timeoutMs: 1_000 });
      await finalStatus(runner, runId);
    } catch (error) {
      if (!isRunnerError(error, 'RUNNER_UNHEALTHY')) throw error;
    }
  }
  await runner.release();
  await sim.sleep(20_000);
  const violations = filer.verify();
  sim.check(violations.length === 0, violations.map(({ text }) => text).join('; '));
};

const onSkewedClocks: Scenario = (sim) => {
  for (const name of ['a', 'b', 'c']) chosenSkew(sim, name);
};

function struckIn(log: readonly Decision[], plain: (entry: Decision) => number): Decision[] {
  return log.filter((entry) => entry.question.kind === 'fault' && entry.answer > plain(entry));
}

describe('faults of collaborators as decisions', () => {
  test.for([
    ['outputs', onBrokenDisks({ oneIn: 3 }), (entry: Decision) => entry.n - 5],
    ['filers', onBrokenFiler, (entry: Decision) => entry.n - 5],
    ['clocks', onSkewedClocks, () => 0],
  ] as const)(
    'R200 R204 R212 of %s: each is in the trace, can be removed singly, and breaks no rule',
    async (row) => {
      const [, scenario, plain] = row;
      let most = 0;
      for (let seed = 0; seed < 25; seed += 1) {
        const first = await simulate({ seed, scenario, keepTrace: true });
        expect(first.failure, `seed ${seed}`).toBeUndefined();
        const log = first.decisions();
        const struck = struckIn(log, plain);
        expect(first.faults).toBeGreaterThanOrEqual(struck.length);
        expect(
          new Set(log.filter(({ question }) => question.kind === 'fault').map(({ question }) => question.key))
            .size,
        ).toBe(log.filter(({ question }) => question.kind === 'fault').length);
        most = Math.max(most, struck.length);
        const [gone] = struck;
        if (gone === undefined) continue;
        const rest = log.filter((entry) => entry !== gone);
        const second = await simulate({ scenario, source: keyedReplayDecisions(rest), keepTrace: true });
        expect(struckIn(second.decisions(), plain).map(({ question }) => question.key)).not.toContain(
          gone.question.key,
        );
      }
      expect(most).toBeGreaterThan(1);
      const none = await simulate({ scenario, source: fifoDecisions() });
      expect([none.held, none.faults]).toEqual([true, 0]);
      const all = await simulate({ scenario, source: { decide: (_label, n) => n - 1 } });
      expect(all.failure).toBeUndefined();
      expect(all.faults).toBeGreaterThan(0);
    },
  );

  test('R169 every kind of output fault occurs, and ends a run as a status', async () => {
    const kinds = new Set<string>();
    const ends = new Set<string>();
    for (let seed = 0; seed < 60; seed += 1) {
      const verdict = await simulate({
        seed,
        scenario: onBrokenDisks({ name: 'disk', oneIn: 4 }),
        keepTrace: true,
      });
      for (const event of verdict.trace()) {
        if (event.type === 'fault') kinds.add(`${event.runner} ${event.kind}`);
      }
      Object.keys(verdict.endStates).forEach((state) => ends.add(state));
    }
    expect([...kinds].sort()).toEqual(['disk close', 'disk create', 'disk error', 'disk short']);
    expect([...ends].sort()).toEqual(['COMPLETE', 'FAILED']);
  });

  test('a clock is off by at most the allowed skew, either way, a small answer by little', async () => {
    const skewOf = async (answer: number): Promise<unknown> => {
      let skew: unknown;
      const options = { offsetMsMax: 80, driftPpmMax: 400 };
      await simulate({
        source: { decide: () => answer },
        scenario: (sim) => void (skew = chosenSkew(sim, 'n', options)),
      });
      return skew;
    };
    expect(await skewOf(0)).toEqual({ offsetMs: 0, driftPpm: 0 });
    expect(await skewOf(1)).toEqual({ offsetMs: 20, driftPpm: 100 });
    expect(await skewOf(2)).toEqual({ offsetMs: -20, driftPpm: -100 });
    expect(await skewOf(8)).toEqual({ offsetMs: -80, driftPpm: -400 });
  });

  test('no fault comes after healing', async () => {
    const { faults, decisionCount } = await simulate({
      source: { decide: (_label, n) => n - 1 },
      scenario: async (sim) => {
        sim.heal();
        await onBrokenDisks({})(sim);
        chosenSkew(sim, 'n');
      },
    });
    expect([faults, decisionCount]).toEqual([0, 0]);
  });

  test.for([
    [() => chosenFilerMenu({ oneIn: 1 }), /oneIn: expected an integer ≥ 2/],
    [() => chosenFilerMenu({ slowMs: -1 }), /slowMs: expected a finite number ≥ 0/],
    [() => chosenOutputFaults(anySim, { oneIn: 0 }), /oneIn: expected an integer ≥ 2/],
    [() => chosenOutputFaults(anySim, { faults: [] }), /faults: expected at least one fault/],
    [() => chosenOutputFaults(undefined as never), /sim: expected a simulation/],
    [
      () => chosenOutputFaults(anySim, { faults: [null as never] }),
      /faults\[0\]: expected a fault of an output/,
    ],
    [
      () => chosenOutputFaults(anySim, { faults: [{ kind: 'x' as 'close' }] }),
      /kind: expected one of "create"/,
    ],
    [
      () => chosenOutputFaults(anySim, { faults: [{ kind: 'short', afterBytes: -1 }] }),
      /afterBytes: expected an integer ≥ 0/,
    ],
    [() => chosenSkew(anySim, 1 as never), /name: expected a string/],
    [() => chosenSkew(anySim, 'n', { offsetMsMax: NaN }), /offsetMsMax: expected a finite number/],
    [
      () => chosenSkew(anySim, 'n', { offsetMsMax: 1.1e12 }),
      /offsetMsMax: expected a finite number from 0 to 1000000000000,/,
    ],
    [
      () => chosenSkew(anySim, 'n', { driftPpmMax: 500_001 }),
      /driftPpmMax: expected a finite number from 0 to 500000,/,
    ],
  ] as const)('wrong use %# is refused', ([use, text]) => {
    expect(use).toThrow(text);
  });
});
