import { afterAll, describe, expect, test } from 'vitest';
import { realWorld } from '../../src/host/real-world.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { matchers } from '../../src/vitest/matchers.ts';
import { simTest } from '../../src/vitest/sim-test.ts';

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** What the matcher says. */
async function said(claim: Promise<unknown>): Promise<string> {
  return claim.then(
    () => 'nothing',
    (error: unknown) => (error as Error).message,
  );
}

const once = { runs: 0 };

simTest(
  'toReachState waits in the time of the runner, and says where the run is instead',
  async (sim) => {
    const runner = createSimulatedRunner(sim.world, { capacity: 2 });
    const { runId } = await runner.run({ argv: ['sleep 100', 'complete 3'] });
    expect(await said(expect(runner).toReachState(runId, 'COMPLETE', { withinMs: 40 }))).toBe(
      `expected run ${runId} to reach COMPLETE within 40 ms, got RUNNING`,
    );
    await expect(runner).toReachState(runId, 'COMPLETE', { withinMs: 61 });
    expect(sim.now()).toBe(100);
    expect(await said(expect(runner).toReachState(runId, 'ABORTED'))).toBe(
      `expected run ${runId} to reach ABORTED, got COMPLETE, exit code 3`,
    );
    await expect(runner).not.toReachState(runId, 'ABORTED');
    await runner.release();
  },
  once,
);

simTest(
  'toSettleWithin takes virtual time, of a promise, a function and a runner',
  async (sim) => {
    await expect(pause(3_600_000)).toSettleWithin(3_600_001);
    await expect(() => Promise.reject(new Error('lost'))).toSettleWithin(1);
    await expect(pause(50)).not.toSettleWithin(20);
    expect(await said(expect(pause(50)).toSettleWithin(20))).toBe(
      'expected the promise to settle within 20 ms, but it was still pending',
    );
    const runner = createSimulatedRunner(sim.world);
    const { runId } = await runner.run({ argv: ['sleep 100', 'complete 0'] });
    expect(await said(expect(runner).toSettleWithin(20))).toBe(
      `expected all runs of the runner to settle within 20 ms, but run ${runId} was RUNNING`,
    );
    await expect(runner).toSettleWithin(200);
    expect(await said(expect(runner).not.toSettleWithin(20))).toBe(
      'expected all runs of the runner not to settle within 20 ms, but all of them had ended after 0 ms',
    );
    expect(await said(expect(Promise.reject(new Error('lost'))).not.toSettleWithin(20))).toBe(
      'expected the promise not to settle within 20 ms, but it was rejected with "lost" after 0 ms',
    );
    await runner.release();
    await pause(50);
  },
  once,
);

simTest.for([
  [10, 10, true],
  [2.5, 2.5, true],
  [1.2, 1.5, true],
  [1.2, 1.2, true],
  [0, 0, true],
  [1.7, 1.5, false],
  [0.5, 0, false],
  [1, 0, false],
] as const)(
  'toSettleWithin judges by when it settled, in any order of what is due: after %d within %d ms, %j',
  { runs: 10 },
  async (sim, [afterMs, withinMs, settles]) => {
    await sim.sleep(sim.choose('before', 3));
    if (settles) await expect(sim.sleep(afterMs)).toSettleWithin(withinMs);
    else {
      const came = `(?:fulfilled after ${afterMs} ms|still pending)`;
      expect(await said(expect(sim.sleep(afterMs)).toSettleWithin(withinMs))).toMatch(
        new RegExp(`^expected the promise to settle within ${withinMs} ms, but it was ${came}$`),
      );
    }
    await sim.sleep(5);
  },
);

simTest(
  'toSettleWithin takes more time than one timer can, and leaves none',
  async (sim) => {
    const long = sim.sleep(5e9);
    await expect(long).not.toSettleWithin(4.5e9);
    expect(sim.now()).toBe(4.5e9 + 1);
    await long;
    await expect(sim.sleep(3e9)).toSettleWithin(1e10);
    expect(sim.now()).toBe(8e9);
  },
  once,
);

describe('matchers of scenarios', () => {
  test('toBeDeterministic names the first event that differs', async () => {
    await expect((sim: Simulation) => sim.sleep(sim.choose('ms', 5))).toBeDeterministic();
    let count = 0;
    const leaky = (sim: Simulation): void => sim.note(`execution ${(count += 1)}`);
    expect(await said(expect(leaky).toBeDeterministic({ runs: 1 }))).toMatch(
      /^expected the same decisions to lead to the same execution, got another: .*execution \d[^]*\nWith every choice at its default\n.*the state of a module survives/,
    );
    await expect(leaky).not.toBeDeterministic();
    let events = 0;
    const endless = {
      ...{
        name: 'endless',
        description: 'goes on and on, differently each time',
        options: { maxEvents: 20 },
      },
      run: async (sim: Simulation) => {
        for (;;) await sim.sleep((events += 1));
      },
    };
    for (const claim of [expect(endless), expect(endless).not]) {
      expect(await said(claim.toBeDeterministic({ runs: 1 }))).toBe(
        'none of 2 executions has an end that could be compared: 20 events have fired and the scenario has not ended',
      );
    }
  });

  simTest('toSettleWithin waits for a thenable that is no promise', { runs: 0 }, async () => {
    const never: unknown = { then: () => undefined };
    await expect(never).not.toSettleWithin(5);
    const later: unknown = { then: (resolve: () => void) => void setTimeout(resolve, 1_000) };
    await expect(later).not.toSettleWithin(5);
    await expect(later).toSettleWithin(2_000);
  });

  test('toHoldInvariants explains what does not hold', async () => {
    const coin = (sim: Simulation): void =>
      sim.check(sim.pick('toss', ['heads', 'tails']) === 'heads', 'tails');
    expect(await said(expect(coin).toHoldInvariants())).toContain(
      'If "toss" had been heads instead of tails, nothing would have failed.',
    );
    await expect(coin).not.toHoldInvariants();
    await expect(coin).toHoldInvariants({ runs: 0 });
  });

  describe('of a scenario with a loop that never ends', () => {
    const looping = (sim: Simulation): void => {
      for (let twice = sim.choose('n', 2) * 2; twice % 2 === 0 && twice > 0; twice += 2);
    };
    const around = { promise: '', task: { timeout: 2_000, context: {} } };

    test('toHoldInvariants says that it loops', async () => {
      const { pass, message } = await matchers.toHoldInvariants.call(around, looping);
      expect(pass).toBe(false);
      // On a busy machine it may be seen only once, and without its lines.
      expect(message()).toMatch(/^(?:A loop without an end|One event took)/);
    });

    test('toBeDeterministic says that it was ended', async () => {
      await expect(matchers.toBeDeterministic.call(around, looping)).rejects.toThrow(
        /^One event took more than 1,000 ms and was ended, as a loop without an end is\./,
      );
    });
  });

  test.for(['toHoldInvariants', 'toBeDeterministic'] as const)(
    '%s ends what watches code between turns, so that code of the test may take any time',
    async (name) => {
      const around = { promise: '', task: { timeout: 60_000, context: {} } };
      const isWatched = (): boolean =>
        Reflect.get(process, Symbol.for('dryrunner.forget-async-ids')) !== undefined;
      let wasWatched = false;
      const check = setInterval(() => (wasWatched ||= isWatched()), 1);
      await matchers[name].call(around, () => new Promise<void>(() => {}));
      clearInterval(check);
      expect([wasWatched, isWatched()]).toEqual([true, false]);
    },
  );

  describe('in a test that runs out of time', () => {
    let begun = 0;
    let signal: AbortSignal | undefined;
    let claims: Promise<string>[] = [];
    const endless = async (sim: Simulation): Promise<void> => {
      begun += 1;
      for (;;) await sim.sleep(1);
    };

    test.fails(
      'end with it and simulate nothing more, and it fails because its time is up',
      { timeout: 50 },
      async (context) => {
        ({ signal } = context);
        claims = [
          said(expect(endless).not.toHoldInvariants({ maxEvents: 1e7, explain: false })),
          said(expect(endless).not.toBeDeterministic({ runs: 4 })),
        ];
        await Promise.all(claims);
      },
    );

    afterAll(async () => {
      const [reason] = (signal?.reason as Error).message.split('\n');
      expect(claims).toHaveLength(2);
      for (const claim of claims) {
        expect((await claim).split('\n')[0]).toBe(`The simulation was ended from outside: ${reason}`);
      }
      expect(begun).toBeLessThan(5);
    });
  });

  describe('of a surrounding test that has ended', () => {
    const ended = { context: { signal: AbortSignal.abort(new Error('its time was up')) } };
    const names = ['toBeDeterministic', 'toHoldInvariants'] as const;
    const matched = (
      name: (typeof names)[number],
      task: object,
    ): { readonly match: Promise<{ readonly pass: boolean }>; readonly executions: () => number } => {
      let executions = 0;
      const scenario = (sim: Simulation): void => {
        executions += 1;
        sim.choose('n', 5);
      };
      const options = { runs: 3 } as never;
      const match = matchers[name].call({ promise: '', task }, scenario, options);
      return { match, executions: () => executions };
    };

    test.for(names)('%s claims nothing', async (name) => {
      const { match } = matched(name, ended);
      await expect(match).rejects.toThrow(/ended from outside: its time was up/);
    });

    test.for(
      names.flatMap((name) =>
        [
          { ...ended, concurrent: true },
          { ...ended, suite: { concurrent: true } },
          { ...ended, concurrent: false, suite: { concurrent: false, suite: { concurrent: true } } },
        ].map((task) => [name, task] as const),
      ),
    )('%s minds it not if it may overlap the test of the call: %j', async ([name, task]) => {
      const { match, executions } = matched(name, task);
      expect(await match).toMatchObject({ pass: true });
      expect(executions()).toBeGreaterThan(3);
    });
  });

  describe.concurrent('in tests that overlap', () => {
    let begin: (signal: AbortSignal) => void;
    const begun = new Promise<AbortSignal>((resolve) => {
      begin = resolve;
    });

    test('are not ended with another test, which the global expect names', async () => {
      let executions = 0;
      const scenario = (sim: Simulation): void => {
        executions += 1;
        sim.choose('n', 5);
      };
      const signal = await begun;
      const claims = await new Promise<readonly Promise<unknown>[]>((resolve) => {
        signal.addEventListener('abort', () => {
          resolve([
            expect(scenario).toBeDeterministic({ runs: 4 }),
            expect(scenario).toHoldInvariants({ runs: 4 }),
          ]);
        });
      });
      await Promise.all(claims);
      expect(executions).toBeGreaterThanOrEqual(15);
    });

    test.fails('the other one, which fails because its time is up', { timeout: 50 }, async (context) => {
      context.expect(context.task.concurrent).toBe(true);
      begin(context.signal);
      await Promise.race([]);
    });
  });

  const idle = createSimulatedRunner(realWorld());
  class Waiting {
    readonly ms = 1;
  }
  const nap = (sim: Simulation): Promise<void> => sim.sleep(1);
  test.for([
    [() => expect(7).toReachState('1', 'COMPLETE'), 'expect(runner): expected an object with query(), got 7'],
    [() => expect(idle).toReachState(7 as never, 'COMPLETE'), 'runId: expected a string, got 7'],
    [
      () => expect(idle).toReachState('1', 'COMPLETE', { within: 5 } as never),
      'limits: expected only the fields withinMs, got a field "within"; the nearest is withinMs',
    ],
    [
      () => expect(idle).toReachState('1', 'COMPLETE', { withinMs: NaN }),
      'limits.withinMs: expected a number ≥ 0, got NaN',
    ],
    [
      () => expect(idle).toReachState('1', 'COMPLETE', 10 as never),
      'limits: expected an object with withinMs, got 10',
    ],
    [
      () => expect(7).toSettleWithin(5),
      'expect(…): expected a promise, a function that gives one, or a runner, got 7',
    ],
    [() => expect(Promise.resolve()).toSettleWithin(-1), 'ms: expected a finite number ≥ 0, got -1'],
    [() => expect(Waiting).not.toHoldInvariants(), 'scenario: expected a function, got a class'],
    ...['toBeDeterministic', 'toHoldInvariants'].map(
      (name) =>
        [
          () => expect({ run: 7 })[name as 'toHoldInvariants'](),
          'expect(scenario): expected a function of a simulation, or a scenario definition, got an object',
        ] as const,
    ),
    [
      () => expect(nap).toBeDeterministic({ seeds: 5 } as never),
      'options: expected only the fields runs, seed, ambient, got a field "seeds"; the nearest is seed',
    ],
    [() => expect(nap).toBeDeterministic(null as never), 'options: expected an object of options, got null'],
    [
      () => expect(nap).toBeDeterministic({ seed: 'dr2:abc' }),
      'seed: expected a seed. { replay } takes a token, got "dr2:abc"',
    ],
    ...(['timeout', 'corpus', 'retry', 'fails'] as const).map(
      (name) =>
        [
          () => expect(nap).toHoldInvariants({ [name]: 3 }),
          `options.${name}: expected to be absent: it is an option of a test, got 3`,
        ] as const,
    ),
  ] as const)('wrong use is refused: %s', async ([claim, message]) => {
    await expect(claim()).rejects.toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT', message });
  });

  test.for(['toReachState', 'toSettleWithin', 'toBeDeterministic', 'toHoldInvariants'] as const)(
    '%s refuses to stand for a value, where nothing would await it',
    (name) => {
      for (const value of [expect, expect.not]) {
        const matcher = (value as unknown as Record<string, () => unknown>)[name]?.();
        expect(() => expect({ runner: 7 }).toEqual({ runner: matcher })).toThrow(
          `expect.${name} cannot stand for a value, because it takes time: use await expect(…).${name}(…)`,
        );
      }
    },
  );
});
