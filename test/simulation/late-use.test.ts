// Errors that come after the end of the simulation whose code throws them: they never fail another one that runs by then.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ambientTime } from '../../src/ambient/ambient-time.ts';
import { hub } from '../../src/ambient/hub.ts';
import { onProcessEvents } from '../../src/kernel/drain-host.ts';
import { realFunctions } from '../../src/kernel/drain-real-functions.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { BETWEEN_TURNS } from '../../src/simulation/uncaught-errors.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import type { Verdict } from '../../src/simulation/verdict.ts';
import { runAlone } from '../../src/threads/run-alone.ts';
import { runSimulatedTest } from '../../src/vitest/simulated-test.ts';
import type { SimulatedTest } from '../../src/vitest/test-run.ts';

/** What listeners of the process get, in place of Vitest. */
const heard: { readonly message: string; readonly isOfMachine: boolean }[] = [];
let release = (): void => undefined;
beforeEach(() => {
  heard.length = 0;
  const hear = (reason: unknown): boolean => {
    const { message } = reason as Error;
    heard.push({ message, isOfMachine: hub.world === undefined });
    return true;
  };
  release = onProcessEvents({ unhandledRejection: hear, uncaughtException: hear });
});
afterEach(() => release());

const LATE = 'was called after the end of its simulation, "first"; a promise of the scenario was not awaited';

/** Promises that a module hands out and resolves later. */
class Waiters {
  readonly #resolves: (() => void)[] = [];

  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolves.push(resolve);
    });
  }

  wake(): void {
    for (const resolve of this.#resolves.splice(0)) resolve();
  }
}

describe('sim.check of a simulation that has ended', () => {
  test.for([true, false])(
    'fails no other simulation in whose turn it is called, and names its own (ambient: %s)',
    async (isAmbient) => {
      const waiters = new Waiters();
      const ambient = isAmbient ? { ambient: ambientTime() } : {};
      await simulate({
        ...ambient,
        name: 'first',
        scenario: (sim) => void waiters.wait().then(() => sim.check(false, 'late')),
      });
      const second = await simulate({
        ...ambient,
        scenario: async (sim) => {
          await sim.sleep(5);
          waiters.wake();
          await sim.sleep(5);
        },
      });
      expect(second).toMatchObject({ held: true, decisionCount: 0 });
      expect(heard).toEqual([{ message: `sim.check "late" ${LATE}`, isOfMachine: true }]);
    },
  );

  test('fails the execution that runs by then where a simulation has a process of its own, which says whose it is', async () => {
    const waiters = new Waiters();
    const run = (scenario: (sim: Simulation) => Promise<void>): Promise<Verdict> =>
      runAlone((onTurn) => simulate({ name: 'first', onTurn, scenario }));
    release();
    await run(async (sim) => void waiters.wait().then(() => sim.check(false, 'late')));
    const second = await run(async (sim) => {
      waiters.wake();
      await sim.sleep(5);
    });
    const where = 'of code that this or an earlier execution left';
    expect(second.failure?.message).toBe(`unhandled rejection ${where}: sim.check "late" ${LATE}`);
  });
});

describe('sim.check of an earlier execution of a simTest', () => {
  let begun = 0;
  const failureOf = (options: SimulatedTest['options']): Promise<Error> => {
    begun = 0;
    const waiters = new Waiters();
    const scenario = async (sim: Simulation): Promise<void> => {
      begun += 1;
      waiters.wake();
      await sim.sleep(sim.choose('ms', 5));
      void waiters.wait().then(() => sim.check(false, 'late'));
    };
    return runSimulatedTest({
      name: 'first',
      scenario,
      options: { ...options, explain: false },
      now: () => 0,
    }).then(
      () => new Error('held'),
      (error: unknown) => error as Error,
    );
  };

  test.for([{ runs: 9 }, { seeds: 9 }, { runs: 9, ambient: false }])(
    'fails the test, without a token, and no other execution begins: %o',
    async (options) => {
      const error = await failureOf(options);
      expect(error).toMatchObject({ code: 'RUNNER_SIMULATION_MISUSE' });
      expect(error.message).toBe(
        [
          `sim.check "late" ${LATE}.`,
          'The error came when that execution of the test had held and a later one ran, so there is nothing to explain or repeat.',
          'Await in the scenario all that it begins, or stop it in sim.onEnd.',
        ].join('\n'),
      );
      expect(error.stack).toMatch(/late-use\.test\.ts:\d+:\d+/);
      expect(heard).toEqual([]);
      expect(begun).toBe(2);
    },
  );
});

describe('an exception that a callback of the machine throws between two turns', () => {
  const throwIt = (): never => {
    throw new Error('thrown');
  };
  /** Runs until the exception has come. */
  const during = (begin: () => void): Promise<Verdict> => {
    let turns = 0;
    return simulate({
      ambient: ambientTime(),
      onTurn: () => {
        turns += 1;
        if (turns === 2) begin();
      },
      scenario: async (sim) => {
        while (turns < 5) await sim.sleep(1);
      },
    });
  };

  test('fails the simulation in ambient time, and its details say that no decision leads there', async () => {
    const { failure } = await during(() => void realFunctions.setImmediate(throwIt));
    expect(failure).toMatchObject({ message: 'uncaught exception in the scenario: thrown' });
    expect(failure?.facts).toEqual([BETWEEN_TURNS]);
    expect(failure?.details).toEqual([BETWEEN_TURNS.text]);
    expect(heard).toEqual([]);
  });

  test.for([
    ['what differs', { runs: 3 }],
    ['that it does not repeat', { seeds: [1] }],
  ] as const)('a simTest that says %s states no other cause', async ([, options]) => {
    let turns = 0;
    const { message } = await runSimulatedTest({
      name: 'thrown between',
      options: {
        ...options,
        onTurn: () => {
          turns += 1;
          if (turns === 2) realFunctions.setImmediate(throwIt);
        },
      },
      scenario: async (sim: Simulation) => {
        while (turns < 5) await sim.sleep(1);
      },
      now: () => 0,
    }).then(
      () => new Error('held'),
      (error: unknown) => error as Error,
    );
    expect(message).toContain(BETWEEN_TURNS.text);
    expect(message).toContain('not shrunk, because it does not repeat');
    expect(message).not.toMatch(/likely cause|most likely/);
  });

  test('fails no simulation that has begun after the callback was made', async () => {
    realFunctions.setImmediate(throwIt);
    const verdict = await during(() => undefined);
    expect(verdict.held).toBe(true);
    expect(heard.map(({ message }) => message)).toEqual(['thrown']);
  });
});
