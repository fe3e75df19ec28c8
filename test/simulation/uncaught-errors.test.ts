// What code leaves uncaught while a simulation is on: the simulation's fails it, anybody else's is Node's as ever.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { interceptService } from '../../src/call/intercept-service.ts';
import { simCommands } from '../../src/conformance/command-vocabulary.ts';
import { supportsAllBut } from '../../src/conformance/capability.ts';
import type { ConformanceSubject } from '../../src/conformance/subject.ts';
import { exploreRunner } from '../../src/conformance/workload/explore-runner.ts';
import { realFunctions } from '../../src/kernel/drain-real-functions.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { FreshModules } from '../../src/simulation/module-loads.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';

const EVENTS = ['unhandledRejection', 'uncaughtException'] as const;
const DRAINS = ['fast', 'documented'] as const;
const heard: unknown[] = [];
const hear = (reason: unknown): void => void heard.push(reason);
let others: NodeJS.UncaughtExceptionListener[][] = [];

beforeEach(() => {
  heard.length = 0;
  others = EVENTS.map((event) => process.listeners(event as 'uncaughtException'));
  for (const event of EVENTS) process.removeAllListeners(event).on(event, hear);
});

afterEach(() => {
  EVENTS.forEach((event, index) => {
    process.removeAllListeners(event);
    for (const listener of others[index] ?? []) process.on(event as 'uncaughtException', listener);
  });
});

const turnOfLoop = (): Promise<void> =>
  new Promise((resolve) => {
    realFunctions.setImmediate(resolve);
  });

const at5 = (sim: Simulation, code: () => void): Promise<void> => {
  sim.world.clock.timer('reply', 5, code);
  return sim.sleep(9, 'the end');
};
const lost = (): never => {
  throw new Error('lost');
};

/** What is lost how, and when it is heard of under each drain: under the documented one, rejections are announced at the end of a turn. */
const CASES: readonly (readonly [
  string,
  string,
  Readonly<Record<(typeof DRAINS)[number], number>>,
  (sim: Simulation) => Promise<void>,
])[] = [
  [
    'a promise',
    'unhandled rejection',
    { fast: 5, documented: 9 },
    (sim) => at5(sim, () => void [1, 2].map(() => Promise.reject(new Error('lost')))),
  ],
  [
    'a tick',
    'uncaught exception',
    { fast: 5, documented: 5 },
    (sim) => at5(sim, () => process.nextTick(lost)),
  ],
  [
    'a microtask',
    'uncaught exception',
    { fast: 5, documented: 5 },
    // eslint-disable-next-line no-restricted-globals -- this test is about an error in a microtask
    (sim) => at5(sim, () => queueMicrotask(lost)),
  ],
  [
    'the last promise of the scenario',
    'unhandled rejection',
    { fast: 2, documented: 2 },
    async (sim) => {
      await sim.sleep(2);
      void Promise.reject(new Error('lost'));
    },
  ],
  [
    'a promise without which nothing goes on',
    'unhandled rejection',
    { fast: 3, documented: 3 },
    (sim) =>
      new Promise(() => {
        void sim.sleep(3).then(lost);
      }),
  ],
];

const handlesInTime = async (wait: () => Promise<unknown>): Promise<void> => {
  const refused = Promise.reject(new Error('handled in time'));
  await wait();
  await refused.catch(() => undefined);
};

test.for(DRAINS)(
  'a rejection that is handled once a module has loaded is handled in its instant (%s drain)',
  async (drain) => {
    let isPrepared = false;
    const modules: FreshModules = {
      prepare: async () => {
        await turnOfLoop();
        isPrepared = true;
      },
      evaluate: () => (isPrepared ? {} : undefined),
    };
    const { failure } = await simulate({
      drain,
      modules,
      scenario: (sim) => handlesInTime(() => sim.load('it')),
    });
    const { failure: found } = await simulate({
      drain,
      modules,
      async scenario(sim) {
        void Promise.reject(new Error('lost'));
        await sim.load('it');
        await sim.sleep(1);
      },
    });
    await turnOfLoop();
    expect([failure, found?.message, heard]).toEqual([
      undefined,
      'unhandled rejection in the scenario: lost',
      [],
    ]);
  },
);

test.for(DRAINS)('what a load that nobody awaits leads to fails the simulation (%s drain)', async (drain) => {
  const modules = (): FreshModules => {
    let isPrepared = false;
    return {
      prepare: async () => {
        await turnOfLoop();
        isPrepared = true;
      },
      evaluate: () => (isPrepared ? {} : undefined),
    };
  };
  const messageOf = async (scenario: (sim: Simulation) => void): Promise<string | undefined> => {
    const { failure } = await simulate({ drain, modules: modules(), scenario });
    return failure?.message;
  };
  const lostAfter = (waits: Promise<unknown>): void =>
    void waits.then(() => {
      throw new Error('lost');
    });
  let isThere = false;
  const messages = [
    await messageOf((sim) => lostAfter(sim.load('it'))),
    await messageOf((sim) => void sim.load('it').then(() => lostAfter(sim.load('another')))),
    await messageOf((sim) => void sim.load('it').then(() => void sim.sleep(1))),
    await messageOf((sim) => void handlesInTime(() => sim.load('it')).then(() => (isThere = true))),
  ];
  await turnOfLoop();
  expect([messages, isThere, heard]).toEqual([
    [
      'unhandled rejection in the scenario: lost',
      'unhandled rejection in the scenario: lost',
      'The scenario has ended and left 1 timer',
      undefined,
    ],
    true,
    [],
  ]);
});

describe.for(DRAINS)('under the %s drain', (drain) => {
  test.for(CASES)(
    'what %s leaves uncaught fails the simulation at its time, and nobody else hears of it',
    async ([, what, atMs, scenario]) => {
      const { emit } = process;
      const { failure } = await simulate({ scenario, drain });
      await turnOfLoop();
      expect(failure).toMatchObject({ kind: 'error', message: `${what} in the scenario: lost`, details: [] });
      expect(failure?.atMs).toBe(atMs[drain]);
      expect(failure?.cause).toBeInstanceOf(Error);
      expect(heard).toEqual([]);
      expect(process.emit).toBe(emit);
      expect(EVENTS.map((event) => process.listenerCount(event))).toEqual([1, 1]);
    },
  );

  test('a rejection that is handled in its instant is none', async () => {
    const { held } = await simulate({
      drain,
      async scenario(sim) {
        const refused = Promise.reject(new Error('handled in time'));
        await sim.sleep(0);
        await refused.catch(() => undefined);
        await sim.sleep(1);
      },
    });
    await turnOfLoop();
    expect([held, heard]).toEqual([true, []]);
  });

  test('nor is one that a hook of the end handles in its instant', async () => {
    const { held } = await simulate({
      drain,
      scenario: (sim) => sim.onEnd(() => handlesInTime(() => sim.sleep(0))),
    });
    await turnOfLoop();
    expect([held, heard]).toEqual([true, []]);
  });

  test('each error of the instant of a failure is among its details once, without colours, up to 20', async () => {
    const { failure } = await simulate({
      drain,
      scenario(sim) {
        for (let n = 0; n < 100; n += 1) {
          void Promise.reject(new Error('the same'));
          void Promise.reject(new Error(`\u001B[31merror ${n}\u001B[39m`));
        }
        sim.check(false, 'never');
      },
    });
    const more = Array.from({ length: 19 }, (_, n) => `unhandled rejection in the scenario: error ${n}`);
    expect(failure?.details).toEqual(['unhandled rejection in the scenario: the same', ...more]);
  });

  test('what code beside the simulation leaves uncaught is the process’s, and fails no simulation', async () => {
    let turns = 0;
    const beside = (): void => {
      turns += 1;
      if (turns === 1) void Promise.reject(new Error('rejected beside'));
      if (turns < 4) realFunctions.setImmediate(beside);
      if (turns === 2) throw new Error('thrown beside');
    };
    const { held } = await simulate({
      drain,
      async scenario(sim) {
        realFunctions.setImmediate(beside);
        while (turns < 4) await sim.sleep(1);
      },
    });
    expect(held).toBe(true);
    expect(heard).toEqual([new Error('rejected beside'), new Error('thrown beside')]);
  });
});

test('a runner that leaves a rejection uncaught fails its exploration, with its line, and the token repeats it', async () => {
  const subject: ConformanceSubject = {
    name: 'forgetful',
    supports: supportsAllBut({ outputs: 'its outputs are written elsewhere' }),
    commands: simCommands,
    create(world, options) {
      const service = interceptService(createSimulatedRunner(world, options), (call, proceed) => {
        if (call.method === 'abort') {
          void Promise.reject(new Error('nobody took the notice'));
        }
        return proceed(call);
      });
      return { service };
    },
  };
  const { failure } = await exploreRunner(subject, { executions: 200, shrinkExecutions: 300 });
  expect(failure?.message).toBe('unhandled rejection in the scenario: nobody took the notice');
  expect(failure?.text).toMatch(/Where\n[^]*uncaught-errors\.test\.ts:\d+:\d+/);
  const [, replay = ''] = /replay: '(dr2:[^']*)'/.exec(failure?.text ?? '') ?? [];
  const again = await exploreRunner(subject, { replay });
  expect(again.failure).toMatchObject({ message: failure?.message, atMs: failure?.atMs });
  expect(heard).toEqual([]);
});
