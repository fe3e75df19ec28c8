// Errors that come after the end of the simulation whose code throws them: they never fail another one that runs by then.
import type { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ambientTime } from '../../src/ambient/ambient-time.ts';
import { hub } from '../../src/ambient/hub.ts';
import { onProcessEvents } from '../../src/kernel/drain-host.ts';
import { realFunctions } from '../../src/kernel/drain-real-functions.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { SimulateOptions } from '../../src/simulation/simulate-options.ts';
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
  let waiters = new Waiters();
  /** The code that an execution leaves goes on in the next one that has `isWoken`; that one may fail itself. */
  const failureOf = (
    options: NonNullable<SimulatedTest['options']>,
    isWoken = (_sim: Simulation): boolean => true,
    isRight = true,
    leave = (sim: Simulation): unknown => sim.check(false, 'late'),
  ): Promise<Error> => {
    begun = 0;
    waiters = new Waiters();
    const scenario = async (sim: Simulation): Promise<void> => {
      begun += 1;
      const wakes = isWoken(sim);
      if (wakes) waiters.wake();
      await sim.sleep(sim.choose('ms', 5));
      void waiters.wait().then(() => leave(sim));
      sim.check(isRight || !wakes, 'tails');
    };
    return runSimulatedTest({
      name: 'first',
      scenario,
      options,
      now: () => 0,
    }).then(
      () => new Error('held'),
      (error: unknown) => error as Error,
    );
  };

  test.for([{ runs: 9 }, { seeds: 9 }, { runs: 9, ambient: false }])(
    'fails the test, without a token, and no other execution begins: %o',
    async (options) => {
      const error = await failureOf({ ...options, explain: false });
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

  const caught = (call: () => unknown): void => {
    try {
      call();
    } catch {
      // As code does that goes on after errors.
    }
  };
  test.for([
    ['check "late"', (sim: Simulation): void => caught(() => sim.check(false, 'late'))],
    ['check "late"', (sim: Simulation): void => sim.check(true, 'late')],
    ['check "late"', (sim: Simulation): void => caught(() => sim.check(true, 'late'))],
    ['choose', (sim: Simulation): void => caught(() => sim.choose('late', 2))],
    ['eventually', (sim: Simulation) => sim.eventually('x', () => true, { withinMs: 1 }).catch(() => 0)],
  ] as const)('fails the test whatever its code does with the error: sim.%s', async ([what, leave]) => {
    const error = await failureOf({ runs: 9, explain: false }, () => true, true, leave);
    expect(error.message).toContain(`sim.${what} ${LATE}.`);
    expect([error.name, begun, heard]).toEqual(['RunnerError', 2, []]);
  });

  test('is an error of Vitest once the test is over', async () => {
    expect(await failureOf({ runs: 1 }, () => false)).toEqual(new Error('held'));
    waiters.wake();
    await new Promise<void>((resolve) => {
      realFunctions.setImmediate(resolve);
    });
    expect(heard.map(({ message }) => message)).toContain(`sim.check "late" ${LATE}`);
  });

  test.for([true, false])(
    'hides no failure of the execution that runs by then, whose report says both (explain: %s)',
    async (explain) => {
      const isTails = (sim: Simulation): boolean => sim.choose('toss', 2) === 1;
      const { name, message } = await failureOf({ runs: 9, explain }, isTails, false);
      expect(name).toBe('SimulationFailedError');
      expect(message).toContain('tails');
      expect(message).toContain("{ replay: 'dr2:");
      const lines = message.split('\n');
      const at = lines.indexOf('Code of an execution that had ended went on, and failed too');
      expect(lines.slice(at + 1, at + 4)).toEqual([
        `  sim.check "late" ${LATE}`,
        expect.stringMatching(/^ {4}.*late-use\.test\.ts:\d+:\d+/),
        '  Await in the scenario all that it begins, or stop it in sim.onEnd.',
      ]);
      expect(heard).toEqual([]);
    },
  );
});

describe('an error that code of the machine leaves uncaught between two turns', () => {
  const throwIt = (): never => {
    throw new Error('thrown');
  };
  const inTimer = (): void => void realFunctions.setImmediate(throwIt);
  // eslint-disable-next-line no-restricted-globals -- this test is about an error in a microtask
  const inMicrotask = (): void => void realFunctions.setImmediate(() => queueMicrotask(throwIt));
  const inPromise = (): void =>
    void realFunctions.setImmediate(() => void Promise.reject(new Error('thrown')));

  interface During extends Pick<SimulateOptions, 'drain'> {
    /** True if the simulation reads a file of the machine first. */
    readonly reads?: boolean;
  }

  /** Runs until the error has come. */
  const during = (begin: () => void, { reads = false, ...options }: During = {}): Promise<Verdict> => {
    let turns = 0;
    return simulate({
      ...options,
      ambient: ambientTime({ allow: ['fs'] }),
      onTurn: () => {
        turns += 1;
        if (turns === 4) begin();
      },
      scenario: async (sim) => {
        if (reads) await readFile(import.meta.filename);
        while (turns < 8 || heard.length === 0) await sim.sleep(1);
      },
    });
  };
  const messagesHeard = (): string[] => heard.map(({ message }) => message);

  test.for([
    ['an exception of a timer', inTimer, 'fast'],
    ['an exception of a microtask', inMicrotask, 'fast'],
    ['an exception of a microtask', inMicrotask, 'documented'],
    ['a rejection', inPromise, 'fast'],
    ['a rejection', inPromise, 'documented'],
  ] as const)('%s is Node’s while nothing of the simulation is outside', async ([, begin, drain]) => {
    const { held } = await during(begin, { drain });
    expect([held, messagesHeard()]).toEqual([true, ['thrown']]);
  });

  test('else it fails the simulation, says that no decision leads there, and goes on to others', async () => {
    const { failure } = await during(inTimer, { reads: true });
    expect(failure).toMatchObject({ message: 'uncaught exception in the scenario: thrown' });
    expect(failure?.facts).toEqual([BETWEEN_TURNS]);
    expect(failure?.details).toEqual([BETWEEN_TURNS.text]);
    expect(messagesHeard()).toEqual(['thrown']);
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
        ambient: { allow: ['fs'] },
        onTurn: () => {
          turns += 1;
          if (turns === 2) realFunctions.setImmediate(throwIt);
        },
      },
      scenario: async (sim: Simulation) => {
        existsSync(import.meta.filename);
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

  test('so does a rejection, under the documented drain', async () => {
    const { failure } = await during(inPromise, { reads: true, drain: 'documented' });
    expect(failure).toMatchObject({ message: 'unhandled rejection in the scenario: thrown' });
    expect(messagesHeard()).toEqual(['thrown']);
  });

  test('such an error counts as handled, so Node does not end a process without listeners', async () => {
    release();
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const announcer: EventEmitter = process;
    const isHandled: boolean[] = [];
    const announce = (): void => {
      isHandled.push(announcer.emit('uncaughtException', new Error('thrown')));
    };
    const { held } = await during(() => void realFunctions.setImmediate(announce), { reads: true });
    for (const listener of listeners) process.on('uncaughtException', listener);
    expect([held, isHandled]).toEqual([false, [true]]);
  });

  test('no simulation fails by a callback that was made before it began', async () => {
    let isDue = false;
    // eslint-disable-next-line no-restricted-globals -- this test is about a real timer that goes on
    const timer = setInterval(() => {
      if (isDue && heard.length === 0) throwIt();
    }, 1);
    const { held } = await during(() => void (isDue = true), { reads: true });
    clearInterval(timer);
    expect([held, messagesHeard()]).toEqual([true, ['thrown']]);
  });
});
