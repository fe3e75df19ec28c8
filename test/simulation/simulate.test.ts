import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readFile } from 'node:fs/promises';
import { keyedReplayDecisions, replayDecisions } from '../../src/kernel/replay-decisions.ts';
import { finalStatus, waitForState } from '../../src/model/status-lookup.ts';
import type { Service } from '../../src/model/service.ts';
import { createChaosRunner } from '../../src/network/chaos-runner.ts';
import { createSimulatedRunner } from '../../src/runners/simulated-runner.ts';
import type { Scenario, SimulateOptions } from '../../src/simulation/simulate-options.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { checkThat, type Simulation } from '../../src/simulation/simulation.ts';
import { defineScenario } from '../../src/simulation/scenario.ts';
import type { TraceEvent } from '../../src/model/trace-event.ts';
import { realFunctions } from '../../src/kernel/drain-real-functions.ts';
import { defaultOracles } from '../../src/oracles/default-oracles.ts';
import { choice } from '../questions.ts';

/** Two racing runs on one runner, with a choice of the scenario's own. */
async function racing(sim: Simulation): Promise<void> {
  const runner = createSimulatedRunner(sim.world, { capacity: 3 });
  for (let index = 0; index < 3; index += 1) {
    await runner.run({
      argv: [`sleep ${10 * sim.choose(`length of ${index}`, 3)}`, `stdout ${index}`],
      timeoutMs: 10,
    });
  }
  await sim.sleep(20);
  await runner.abort('2');
  await runner.release();
}

describe('a verdict', () => {
  test('reports runs, end states, virtual time, decisions, and a hash', async () => {
    const verdict = await simulate({ seed: 'text', name: 'racing', scenario: racing });
    expect(verdict).toMatchObject({ held: true, scenario: 'racing', seed: 'text', runs: 3, faults: 0 });
    expect(verdict.failure).toBeUndefined();
    expect(Object.values(verdict.endStates).reduce((sum, count) => sum + count, 0)).toBe(3);
    expect(verdict.virtualMs).toBeGreaterThanOrEqual(20);
    expect(verdict.decisionCount).toBe(verdict.decisions().length);
    expect(verdict.traceHash).toMatch(/^[0-9a-f]{16}$/);
    expect(verdict.trace()).toEqual([]);
  });

  test('R209 property: the same seed gives the same trace and hash, a different trace a different hash', async () => {
    const hashes = new Map<string, string>();
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const [first, second] = [
          await simulate({ seed, scenario: racing, keepTrace: true }),
          await simulate({ seed, scenario: racing, keepTrace: true, drain: 'documented' }),
        ];
        expect(second.trace()).toEqual(first.trace());
        expect(second.traceHash).toBe(first.traceHash);
        const text = JSON.stringify([first.trace(), first.decisions()]);
        expect(hashes.get(text) ?? first.traceHash).toBe(first.traceHash);
        hashes.set(text, first.traceHash);
      }),
      { numRuns: 50 },
    );
    expect(new Set(hashes.values()).size).toBe(hashes.size);
    expect(hashes.size).toBeGreaterThan(10);
  });

  test('R209 the hash of a known run never changes by itself', async () => {
    const { traceHash } = await simulate({ seed: 42, scenario: racing });
    const golden = JSON.parse(await readFile(new URL('golden-hash.json', import.meta.url), 'utf8')) as {
      racing42: string;
    };
    expect(traceHash).toBe(golden.racing42);
  });

  test('R209 a recorded log of decisions replays to the same hash', async () => {
    const first = await simulate({ seed: 5, scenario: racing });
    const again = await simulate({ seed: 5, scenario: racing, replay: first.decisions() });
    expect([again.held, again.traceHash]).toEqual([true, first.traceHash]);
  });

  test('a replay that does not fit has diverged, even if the scenario catches the error', async () => {
    const log = [{ question: choice('luck'), n: 3, answer: 2 }];
    const swallowing = (sim: Simulation): void => {
      try {
        sim.choose('luck', 2);
      } catch {
        sim.note('nothing to see here');
      }
    };
    for (const asked of [{ replay: log }, { source: replayDecisions(log) }]) {
      const { failure } = await simulate({ scenario: swallowing, ...asked });
      expect(failure?.kind).toBe('diverged');
      expect(failure?.message).toBe(
        'Replay diverged at decision 0: expected "luck" out of 3, got "luck" out of 2',
      );
    }
    const short = await simulate({ scenario: () => undefined, replay: log });
    expect(short.failure?.message).toContain('got the end of the run (1 entries are left over)');
  });
});

describe('a failure', () => {
  const SILENT =
    'Deadlock: nothing is due any more, and the scenario awaits a promise that nothing is left to settle';

  test('a check that does not hold fails the simulation even if the scenario catches it, and is not thrown', async () => {
    const verdict = await simulate({
      scenario: async (sim) => {
        await sim.sleep(5);
        try {
          sim.check(false, 'one is two');
        } catch {
          await sim.sleep(5);
        }
      },
    });
    expect(verdict).toMatchObject({
      held: false,
      failure: { kind: 'check', message: 'one is two', atMs: 5, details: [] },
    });
  });

  test.for([undefined, null, 7, {}])(
    'a check whose message is %o is refused, even while it holds',
    async (message) => {
      const { failure } = await simulate({ scenario: (sim) => sim.check(true, message as never) });
      expect(failure).toMatchObject({ kind: 'error', cause: { code: 'RUNNER_INVALID_ARGUMENT' } });
    },
  );

  test('checkThat refuses a promise, as sim.check does', async () => {
    const { failure } = await simulate({
      scenario: (sim) => checkThat(sim, Promise.resolve(false), 'it is done'),
    });
    expect(failure).toMatchObject({ kind: 'error', cause: { code: 'RUNNER_INVALID_ARGUMENT' } });
    expect(failure?.message).toContain('got a promise that is not awaited');
  });

  test.for<[string, () => unknown, string]>([
    ['an error whose message is no text', () => Object.assign(new Error('x'), { message: 7 }), 'Error'],
    ['an error without a message', () => new TypeError(), 'TypeError'],
    ['nothing', () => undefined, 'undefined'],
  ])('%s that is thrown is reported as a text', async ([, thrown, message]) => {
    const { failure } = await simulate({
      scenario: () => {
        throw thrown();
      },
    });
    expect(failure).toMatchObject({ kind: 'error', message });
  });

  test.for(['watch', 'end'] as const)('an oracle that throws in %s fails the simulation', async (method) => {
    const { failure } = await simulate({
      scenario(sim) {
        try {
          sim.note('seen by the oracle');
        } catch {
          // The scenario goes on.
        }
      },
      oracles: [
        ...defaultOracles(),
        () => {
          const fail = (): void => {
            throw new Error('cannot read it');
          };
          return { watch: () => undefined, end: () => undefined, [method]: fail };
        },
      ],
    });
    const index = defaultOracles().length;
    expect(failure).toMatchObject({
      kind: 'error',
      message: `oracles[${index}] has thrown: cannot read it`,
      cause: { message: 'cannot read it' },
    });
  });

  test('code that goes on after the end changes nothing of the verdict', async () => {
    let isOver = false;
    const verdict = await simulate({
      keepTrace: true,
      scenario(sim) {
        sim.choose('coin', 3);
        realFunctions.setImmediate(() => {
          isOver = true;
          sim.world.choices.choose('late', 7);
          sim.world.tracer.record({ at: 0, type: 'note', runner: 'late', text: 'late' });
        });
      },
    });
    const said = (): unknown[] => [verdict.decisions().length, verdict.trace()];
    expect([isOver, said()]).toEqual([false, [1, []]]);
    await new Promise((resolve) => {
      realFunctions.setImmediate(resolve);
    });
    expect([isOver, said()]).toEqual([true, [1, []]]);
  });

  test('an oracle that does not return a text is reported as a text', async () => {
    const { failure } = await simulate({
      scenario: (sim) => sim.sleep(1),
      oracles: [
        (report) => ({
          watch: () => undefined,
          end: (atMs) => report({ rule: 'X1', message: undefined as never, atMs }),
        }),
      ],
    });
    expect(failure).toMatchObject({ kind: 'rule', rule: 'X1', message: 'undefined' });
  });

  test.for([
    ['a scenario that throws at once', () => Promise.reject(new Error('at once')), 'at once'],
    [
      'a scenario that throws later',
      async (sim: Simulation) => {
        await sim.sleep(3);
        throw new Error('later');
      },
      'later',
    ],
    [
      'a callback of the clock that throws',
      async (sim: Simulation) => {
        sim.world.clock.timer('bang', 2, () => {
          throw new Error('in a callback');
        });
        await sim.sleep(5);
      },
      'in a callback',
    ],
  ] as const)('%s is a failure of kind error', async ([, scenario, message]) => {
    const { failure } = await simulate({ scenario });
    expect(failure).toMatchObject({ kind: 'error', message });
    expect(failure?.cause).toBeInstanceOf(Error);
  });

  test('R211 D27 a deadlock names every stuck wait, and what it waits for', async () => {
    const { failure } = await simulate({
      scenario: async (sim) => {
        const runner = createSimulatedRunner(sim.world);
        const { runId } = await runner.run({ argv: ['pause'] });
        await waitForState(runner, runId, 'COMPLETE');
      },
    });
    expect(failure).toMatchObject({ kind: 'deadlock', rule: 'R211' });
    expect(failure?.details).toContainEqual(
      expect.stringMatching(/^the wait for COMPLETE.* of run 0 on runner, since 0 ms$/),
    );
    expect(failure?.details).toContainEqual(
      expect.stringMatching(/^the process of run 0 on runner, since 0 ms$/),
    );
  });

  test('R211 a deadlock names its wait first, of twenty things at most', async () => {
    const { failure } = await simulate({
      source: keyedReplayDecisions([]),
      scenario: async (sim) => {
        const runners = Array.from({ length: 6 }, (_, n) =>
          createSimulatedRunner(sim.world, { name: `r${n}` }),
        );
        for (const runner of runners) await runner.run({ argv: ['hang'] });
        await sim.sleep(1);
        await waitForState(runners[5] as Service, '0', 'COMPLETE');
      },
    });
    expect(failure?.details[0]).toBe('the wait for COMPLETE of run 0 on r5, since 1 ms');
    expect(failure?.details).toHaveLength(20);
  });

  test('R211 a promise that nobody settles is a deadlock too, and places are shown when asked for', async () => {
    const stuck = (): Promise<void> => Promise.race([]);
    expect((await simulate({ scenario: stuck })).failure).toMatchObject({
      kind: 'deadlock',
      message: SILENT,
    });
    const { failure } = await simulate({
      capturePlaces: true,
      scenario: async (sim) => {
        const runner = createSimulatedRunner(sim.world);
        await runner.run({ argv: ['hang'] });
        await finalStatus(runner, '0');
      },
    });
    expect(failure?.details.join('\n')).toContain('simulate.test.ts');
  });

  test('R204 what is left at the end is named: timers, waits, resources', async () => {
    const scenario = async (sim: Simulation): Promise<void> => {
      const runner = createSimulatedRunner(sim.world);
      await runner.run({ argv: ['sleep 100'] });
      await waitForState(runner, '0', 'RUNNING');
      void finalStatus(runner, '0');
    };
    const { failure } = await simulate({ scenario });
    expect(failure).toMatchObject({ kind: 'leftovers', rule: 'R204' });
    expect(failure?.details).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^timer .*due at 100 ms$/),
        expect.stringMatching(/^checkout tempdir of run 0/),
        expect.stringMatching(/^the process of run 0/),
        expect.stringMatching(/^output stdlog of run 0/),
        expect.stringMatching(/^the wait for .* of run 0/),
      ]),
    );
    expect((await simulate({ scenario, leftovers: 'ignore' })).held).toBe(true);
  });

  test('a scenario that never ends is stopped by its event budget, with the cycle that it repeats', async () => {
    const { failure, firedEvents } = await simulate({
      maxEvents: 500,
      scenario: async (sim) => {
        for (;;) await sim.sleep(1);
      },
    });
    expect(failure).toMatchObject({ kind: 'budget', details: ['repeats every event: scenario sleep'] });
    expect(firedEvents).toBe(500);
  });

  test('R211 real I/O that a scenario waits for is an escape, not a deadlock', async () => {
    const { failure } = await simulate({
      scenario: () =>
        new Promise<void>((resolve) => {
          // Several, as timers of the test framework may end meanwhile, and only their number is known.
          // eslint-disable-next-line no-restricted-globals -- the test needs real timers: they are the escape that it looks for
          for (let i = 0; i < 8; i += 1) setTimeout(resolve, 2_000);
        }),
    });
    expect(failure?.kind).toBe('escape');
    expect(failure?.message).toContain('a real timer');
  });

  const SETTERS = ['setTimeout', 'setInterval'] as const;

  test('a real timer that a scenario leaves is an escape, with the line that set it; one that is cleared is none', async () => {
    /* eslint-disable no-restricted-globals -- they are the escape that the test is about */
    const setters = () => SETTERS.map((name) => Reflect.get(globalThis, name) as unknown);
    const before = setters();
    const timers: NodeJS.Timeout[] = [];
    const set = {
      timeout: () => setTimeout(() => 0, 60_000),
      interval: () => setInterval(() => 0, 60_000),
      cleared: () => {
        const timer = setTimeout(() => 0, 60_000);
        clearTimeout(timer);
        return timer;
      },
      unref: () => setTimeout(() => 0, 60_000).unref(),
    };
    const failureOf = async (...names: readonly (keyof typeof set)[]): Promise<unknown> => {
      const { failure } = await simulate({
        scenario: async (sim) => {
          for (const name of names) timers.push(set[name]());
          await sim.sleep(5);
        },
      });
      return failure;
    };
    const left = await failureOf('timeout', 'interval', 'cleared', 'unref');
    const later = await failureOf('cleared', 'unref');
    for (const timer of timers) clearTimeout(timer);
    /* eslint-enable no-restricted-globals */
    expect(left).toMatchObject({
      kind: 'escape',
      message: 'The scenario has ended and left 2 real timers of the machine (setTimeout or setInterval)',
      atMs: 5,
      details: [
        expect.stringMatching(/a real timer, by setTimeout, called here\n[^]*simulate\.test\.ts/),
        expect.stringMatching(/a real timer, by setInterval, called here\n[^]*simulate\.test\.ts/),
      ],
    });
    expect(later).toBeUndefined();
    expect(setters()).toEqual(before);
  });

  test('a real immediate that a scenario leaves is an escape, with the line that set it, and never comes', async () => {
    /* eslint-disable no-restricted-globals -- they are the escape that the test is about */
    let came = 0;
    const leave = (): unknown => setImmediate(() => (came += 1));
    const left = await simulate({
      scenario: () => {
        for (let count = 0; count < 2; count += 1) leave();
      },
    });
    const mixed = await simulate({
      scenario: () => {
        leave();
        setTimeout(() => 0, 60_000);
      },
    });
    const failing = await simulate({ scenario: () => Promise.reject(new Error(`bad ${typeof leave()}`)) });
    const cleared = await simulate({ scenario: () => clearImmediate(leave() as NodeJS.Immediate) });
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    /* eslint-enable no-restricted-globals */
    expect(left.failure).toMatchObject({
      kind: 'escape',
      message: 'The scenario has ended and left 2 immediates of the machine (setImmediate)',
      details: [
        expect.stringMatching(
          /^outside of the simulation: an immediate, by setImmediate, called here\n[^]*simulate\.test\.ts/,
        ),
      ],
    });
    expect(mixed.failure?.message).toBe(
      'The scenario has ended and left 1 real timer of the machine (setTimeout or setInterval) and 1 immediate of the machine (setImmediate)',
    );
    expect(failing.failure).toMatchObject({ kind: 'error', message: 'bad object' });
    expect([cleared.held, came]).toEqual([true, 0]);
  });

  test('a scenario that waits for a real immediate escapes, since nothing would see what it sets after it', async () => {
    /* eslint-disable no-restricted-globals -- they are the escape that the test is about */
    const turn = (): Promise<void> =>
      new Promise((resolve) => {
        setImmediate(resolve);
      });
    let later = 0;
    const alone = await simulate({
      scenario: async () => {
        await turn();
        setTimeout(() => (later += 1), 0);
      },
    });
    const inLaterTurn = simulate({
      scenario: async (sim) => {
        for (let event = 0; event < 10_000; event += 1) await sim.sleep(1);
        await turn();
      },
    });
    // It is pending when the scenario starts and has come when the scenario waits, so the number of immediates stays.
    setImmediate(() => 0);
    const besideAnother = await inLaterTurn;
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
    /* eslint-enable no-restricted-globals */
    for (const { failure } of [alone, besideAnother]) {
      expect(failure).toMatchObject({
        kind: 'escape',
        message: 'The scenario waits for something outside of the simulation (an immediate)',
        details: expect.arrayContaining([
          expect.stringMatching(/^virtual time does not wait for an immediate: use sim\.sleep/),
        ]),
      });
    }
    expect(later).toBe(0);
  });

  test('a real timer that keeps no process alive may be left, and does not fire during a later execution', async () => {
    /* eslint-disable no-restricted-globals -- they are what the test is about */
    const fired: string[] = [];
    const first = await simulate({
      scenario: () => {
        for (let count = 0; count < 100; count += 1) setTimeout(() => fired.push('timeout'), 1).unref();
        setInterval(() => fired.push('interval'), 1).unref();
      },
    });
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
    /* eslint-enable no-restricted-globals */
    expect([first.held, fired]).toEqual([true, []]);
  });

  test.for<[string, Scenario]>([
    ['throws', () => Promise.reject(new Error('bad'))],
    ['breaks a check', (sim) => sim.check(false, 'bad')],
    ['waits for nothing', () => Promise.race<void>([])],
  ])('a real timer that is left is cleared also if the scenario %s', async ([, fails]) => {
    /* eslint-disable no-restricted-globals -- they are what the test is about */
    const timers: NodeJS.Timeout[] = [];
    const { failure } = await simulate({
      scenario: (sim) => {
        timers.push(
          setInterval(() => 0, 60_000),
          setTimeout(() => 0, 60_000),
        );
        return fails(sim);
      },
    });
    const isCleared = timers.map((timer) => (timer as NodeJS.Timeout & { _destroyed: boolean })._destroyed);
    for (const timer of timers) clearTimeout(timer);
    /* eslint-enable no-restricted-globals */
    expect(failure).toBeDefined();
    expect(isCleared).toEqual([true, true]);
  });

  test('a timer that others set between two turns of a simulation is not its own', async () => {
    let timer: NodeJS.Timeout | undefined;
    const { held, firedEvents } = await simulate({
      scenario: async (sim) => {
        for (let i = 0; i < 5_000; i += 1) await sim.sleep(1);
      },
      nextTurn: (turn, isFirst) => {
        /* eslint-disable no-restricted-globals -- the test is about real timers */
        if (!isFirst) timer ??= setTimeout(() => 0, 60_000);
        setImmediate(turn);
        /* eslint-enable no-restricted-globals */
      },
    });
    expect(timer).toBeDefined();
    clearTimeout(timer);
    expect([held, firedEvents]).toEqual([true, 5_000]);
  });

  test('R200 watchers report a broken rule by default', async () => {
    const { failure } = await simulate({
      scenario: (sim) => {
        const status = {
          runId: '0',
          jobId: '',
          taskId: '',
          tag: '',
          stdoutRef: '',
          stderrRef: '',
          snapshotId: '',
          exitCode: 0,
          error: '',
        };
        const record = (event: Omit<TraceEvent, 'at' | 'runner'>): void =>
          sim.world.tracer.record({ at: 0, runner: 'x', ...event } as TraceEvent);
        record({ type: 'accepted', runId: '0', command: { argv: [] } } as never);
        record({ type: 'status', status: { ...status, state: 'PENDING' } } as never);
        record({ type: 'status', status: { ...status, state: 'COMPLETE' } } as never);
        record({ type: 'status', status: { ...status, state: 'FAILED' } } as never);
      },
    });
    expect(failure?.kind).toBe('rule');
    expect(failure?.rule).toMatch(/^R(200|201)$/);
  });
});

function nothing(): void {}

describe('a value that throws when anybody looks at it', () => {
  const thrower = (): never => {
    const thrown: unknown = new Proxy(
      {},
      {
        getPrototypeOf() {
          throw new Error('a trap');
        },
      },
    );
    throw thrown;
  };
  test.for([
    ['the scenario throws', { scenario: thrower }, 'an object'],
    [
      'a timer throws',
      {
        scenario: async (sim) => {
          sim.world.clock.timer('trap', 5, thrower);
          await sim.sleep(10);
        },
      },
      'an object',
    ],
    [
      'a timer that is left throws',
      { capturePlaces: true, scenario: (sim) => void sim.world.clock.timer('trap', 5, thrower) },
      'What the scenario left when it ended throws at 5 ms: an object. It left 1 timer',
    ],
  ] satisfies [string, SimulateOptions, string][])('that %s is a failure', async ([, options, message]) => {
    expect((await simulate(options)).failure?.message).toBe(message);
  });
});

describe('misuse', () => {
  test('one simulation at a time: a nested one is refused, and fails the outer one that catches that', async () => {
    const verdict = await simulate({
      scenario: async () => {
        await expect(simulate({ scenario: nothing })).rejects.toMatchObject({
          code: 'RUNNER_SIMULATION_MISUSE',
        });
      },
    });
    expect(verdict.failure).toMatchObject({
      kind: 'error',
      message: expect.stringContaining('inside another one') as string,
    });
    expect((await simulate({ scenario: nothing })).held).toBe(true);
  });

  test.for([
    ['a promise', Promise.resolve(false), 'a promise that is not awaited'],
    ['a function', () => false, 'a function that is not called'],
  ] as const)('%s as the condition of a check fails the simulation', async ([, condition, got]) => {
    const { failure } = await simulate({
      scenario: (sim) => {
        try {
          sim.check(condition as unknown as boolean, 'nobody waits');
        } catch {
          // As a retry or a job's handler does.
        }
      },
    });
    expect(failure?.message).toContain(
      `sim.check "nobody waits": condition: expected true or false, got ${got}`,
    );
  });

  test('a handle that is used after the end is refused', async () => {
    let leaked: Simulation | undefined;
    await simulate({
      scenario: (sim) => {
        leaked = sim;
      },
    });
    for (const use of [() => leaked?.choose('x', 2), () => leaked?.note('x'), () => leaked?.sleep(1)]) {
      expect(use).toThrow(/was called after the end of its simulation/);
    }
  });

  test('a scenario that is a revoked proxy is refused', async () => {
    const { proxy, revoke } = Proxy.revocable(nothing, {});
    revoke();
    const refused = {
      code: 'RUNNER_INVALID_ARGUMENT',
      message: 'scenario: expected a function, got a function that cannot be read',
    };
    await expect(simulate({ scenario: proxy })).rejects.toMatchObject(refused);
  });

  test.for([
    [undefined, /options: expected an object with a scenario/],
    [{}, /scenario: expected a function/],
    [{ scenario: nothing, maxEvents: 0 }, /maxEvents: expected a number ≥ 1/],
    [{ scenario: nothing, seed: NaN }, /seed/],
    [{ scenario: nothing, replay: 'log' }, /replay: expected a list/],
    [{ scenario: nothing, drain: 'slow' }, /drain: expected/],
  ] as const)('options %o are refused', async ([options, text]) => {
    await expect(simulate(options as never)).rejects.toThrow(text);
  });

  const idle = (): void => undefined;
  test.for([
    [null, /scenario: expected a scenario definition/],
    [{ name: 'Has Spaces', description: 'x', run: idle }, /scenario\.name: expected lower-case/],
    [{ name: 'x', description: '', run: idle }, /scenario.description: expected a line of text/],
    [{ name: 'x', description: 'y' }, /scenario.run: expected a function/],
    [{ name: 'x', description: 'y', run: idle, prepare: 1 }, /scenario.prepare: expected a function/],
    [
      { nmae: 'x', description: 'y', run: idle },
      'scenario: expected only the fields name, description, run, prepare, options, got a field "nmae"; the nearest is name',
    ],
    [{ name: 'x', description: 'y', run: idle, sedes: 3 }, /got a field "sedes"$/],
    [
      { name: 'x', description: 'y', run: idle, ambient: { begin: idle } },
      /got a field "ambient"; the nearest is options\.ambient$/,
    ],
    [
      { name: 'x', description: 'y', run: idle, leftover: 'ignore' },
      /got a field "leftover"; the nearest is options\.leftovers$/,
    ],
    [
      { name: 'x', description: 'y', run: idle, options: { ambeint: 1 } },
      /^scenario\.options: expected only the fields .*, got a field "ambeint"; the nearest is ambient$/,
    ],
  ] as const)('a definition %o is refused', ([definition, text]) => {
    expect(() => defineScenario(definition as never)).toThrow(text);
  });

  test('a definition that is an object of a class may keep its state in other fields', () => {
    class Counting {
      readonly name = 'counting';
      readonly description = 'counts its executions';
      executions = 0;

      run(): void {
        this.executions += 1;
      }
    }
    expect(() => defineScenario(new Counting())).not.toThrow();
  });
});

test('R212 every injected fault is in the trace, and its decision can be taken away singly', async () => {
  const scenario = async (sim: Simulation): Promise<void> => {
    const runner = createSimulatedRunner(sim.world, { capacity: 9, history: 0 });
    const chaos = createChaosRunner(sim.world, runner, { plan: { rates: { run: { before: 0.5 } } } });
    for (let index = 0; index < 8; index += 1) {
      await chaos.run({ argv: ['complete 0'] }).catch(() => undefined);
    }
    await chaos.release();
  };
  const first = await simulate({ seed: 3, scenario, keepTrace: true });
  const faults = first.trace().filter(({ type }) => type === 'fault');
  const log = first.decisions();
  const struck = log.filter(({ question, answer }) => question.kind === 'fault' && answer > 0);
  expect(faults.length).toBe(struck.length);
  expect(faults.length).toBeGreaterThan(1);
  const [dropped] = struck;
  const rest = log.map((entry) => (entry === dropped ? { ...entry, answer: 0 } : entry));
  const second = await simulate({ seed: 3, scenario, keepTrace: true, source: keyedReplayDecisions(rest) });
  expect(second.faults).toBe(first.faults - 1);
});

test.for([1, 2, 3, 5])(
  'options that throw when they are read the time %d are wrong use, or are read once',
  async (time) => {
    let reads = 0;
    const options = {
      scenario: () => undefined,
      get seed(): number {
        reads += 1;
        if (reads === time) throw new Error('of the caller');
        return 1;
      },
    };
    const outcome = await simulate(options).catch((error: unknown) => error);
    if (reads < time) expect(outcome).toMatchObject({ held: true });
    else {
      expect(outcome).toMatchObject({ code: 'RUNNER_INVALID_ARGUMENT', cause: { message: 'of the caller' } });
    }
  },
);
