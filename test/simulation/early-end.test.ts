import { watch as watchFolder, type FSWatcher } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { chooseDrain } from '../../src/kernel/drain.ts';
import { realFunctions } from '../../src/kernel/drain-real-functions.ts';
import type { Simulation } from '../../src/simulation/simulation.ts';
import { createMutex } from '../../src/locks/mutex.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import type { SimulateOptions } from '../../src/simulation/simulate-options.ts';
import type { FailureKind, Verdict } from '../../src/simulation/verdict.ts';
import { EventuallyFailedError } from '../../src/simulation/watched-properties.ts';
import { choice } from '../questions.ts';

async function endless(sim: Simulation): Promise<void> {
  void sim.sleep(1e9, 'a long nap');
  for (;;) await sim.sleep(1);
}

/** Lets the real event loop turn once. */
function turn(): Promise<void> {
  return chooseDrain().run(() => 'stop');
}

describe('R-13: an abandoned simulation', () => {
  test('is ended by its signal, with what was pending, and is neither a success nor a failure of the scenario', async () => {
    const controller = new AbortController();
    const running = simulate({ scenario: endless, signal: controller.signal });
    await turn();
    controller.abort(new Error('the test has timed out'));
    const { held, failure } = await running;
    expect(held).toBe(false);
    expect(failure).toMatchObject({
      kind: 'interrupted',
      message: 'The simulation was ended from outside: the test has timed out',
    });
    expect(failure?.details).toContain('timer a long nap, due at 1000000000 ms');
  });

  test('does not start if its signal has already aborted', async () => {
    let isBegun = false;
    const scenario = (): void => {
      isBegun = true;
    };
    const { failure } = await simulate({ scenario, signal: AbortSignal.abort() });
    expect([failure?.kind, isBegun]).toEqual(['interrupted', false]);
  });

  test('frees the thread for the next simulation, which waits for it', async () => {
    const controller = new AbortController();
    const first = simulate({ scenario: endless, signal: controller.signal });
    const others = [1, 2, 3].map((ms) => simulate({ scenario: (sim) => sim.sleep(ms) }));
    await turn();
    controller.abort();
    expect((await first).failure?.kind).toBe('interrupted');
    expect((await Promise.all(others)).map(({ held, virtualMs }) => [held, virtualMs])).toEqual([
      [true, 1],
      [true, 2],
      [true, 3],
    ]);
  });

  test('is not affected by others that wait: the order of simulations changes none of them', async () => {
    const scenario = async (sim: Simulation): Promise<void> => {
      for (let i = 0; i < 20; i += 1) await sim.sleep(sim.choose('ms', 5));
    };
    const alone = await simulate({ scenario, seed: 7 });
    const together = await Promise.all([3, 7, 9].map((seed) => simulate({ scenario, seed })));
    expect(together[1]?.traceHash).toBe(alone.traceHash);
  });

  test('anything but a signal is refused', async () => {
    for (const signal of [5, {}, null]) {
      await expect(simulate({ scenario: endless, signal: signal as never })).rejects.toMatchObject({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: expect.stringContaining('signal: expected an AbortSignal'),
      });
    }
  });
});

describe('N9 N3: an error of a simulation in a promise that nobody awaits', () => {
  const seen: unknown[] = [];
  const others = process.listeners('unhandledRejection');
  const note = (reason: unknown): void => void seen.push(reason);

  beforeEach(() => {
    seen.length = 0;
    process.removeAllListeners('unhandledRejection');
    process.on('unhandledRejection', note);
  });

  afterEach(() => {
    process.off('unhandledRejection', note);
    for (const other of others) process.on('unhandledRejection', other);
  });

  const inBackground = async (sim: Simulation, work: () => Promise<void> | void): Promise<void> => {
    void (async () => {
      await sim.sleep(1);
      await work();
    })();
    await sim.sleep(9);
  };

  let timer: NodeJS.Timeout | undefined;
  const longTimer = (): Promise<void> =>
    new Promise((resolve) => {
      // eslint-disable-next-line no-restricted-globals -- a real timer is the escape that the test needs
      timer = setTimeout(resolve, 60_000);
    });

  test.for(['fast', 'documented'] as const)(
    'a failed check fails the simulation and nothing else (%s)',
    async (drain) => {
      const { emit } = process;
      const { failure } = await simulate({
        drain,
        scenario: (sim) => inBackground(sim, () => sim.check(false, 'never')),
      });
      await turn();
      expect(failure).toMatchObject({ kind: 'check', message: 'never', atMs: 1, details: [] });
      expect(seen).toEqual([]);
      expect(process.emit).toBe(emit);
    },
  );

  test('so does a property that did not become true in time', async () => {
    const { failure } = await simulate({
      scenario: (sim) => inBackground(sim, () => sim.eventually('it', () => false, { withinMs: 3 })),
    });
    await turn();
    expect([failure?.kind, seen]).toEqual(['eventually', []]);
  });

  test.for(['fast', 'documented'] as const)(
    'another rejection of the scenario in its instant is among its details (%s)',
    async (drain) => {
      const { failure } = await simulate({
        drain,
        scenario: (sim) =>
          inBackground(sim, () => {
            void Promise.reject(new Error('another'));
            sim.check(false, 'never');
          }),
      });
      await turn();
      expect(failure).toMatchObject({
        kind: 'check',
        details: ['unhandled rejection in the scenario: another'],
      });
      expect(seen).toEqual([]);
    },
  );

  /** Failures that are noticed only at the end, from an error that has been caught or from none. */
  const AT_THE_END: readonly (readonly [FailureKind, string, () => Promise<Verdict>])[] = [
    ['escape', 'a wait for a real timer', () => simulate({ scenario: () => longTimer() })],
    ['escape', 'a real timer that is left', () => simulate({ scenario: () => void longTimer() })],
    [
      'diverged',
      'a replay with an entry left over',
      () => simulate({ scenario: () => undefined, replay: [{ question: choice('luck'), n: 3, answer: 2 }] }),
    ],
  ];
  test.for(AT_THE_END)('a failure of kind %s, for %s, hides no later error', async ([kind, , fails]) => {
    const { emit } = process;
    const { failure } = await fails();
    clearTimeout(timer);
    const late: readonly unknown[] = [undefined, new EventuallyFailedError('late')];
    for (const reason of late) void Promise.reject(reason);
    await turn();
    expect(failure?.kind).toBe(kind);
    expect(seen).toEqual(late);
    expect(process.emit).toBe(emit);
  });

  test('a stall that is an escape hides no rejection of other code', async () => {
    const nothing: unknown = undefined;
    const watchers: FSWatcher[] = [];
    let rejected = 0;
    let isOn = true;
    const beside = (): void => {
      if (!isOn) return;
      rejected += 1;
      void Promise.reject(nothing);
      realFunctions.setImmediate(beside);
    };
    realFunctions.setImmediate(beside);
    const { failure } = await simulate({
      stallLookEvery: 1_024,
      scenario: async (sim) => {
        const beat = (): void => void sim.world.clock.timer('beat', 1, beat);
        beat();
        await new Promise((resolve) => {
          watchers.push(watchFolder(import.meta.dirname, resolve));
        });
      },
    });
    isOn = false;
    watchers.forEach((watcher) => watcher.close());
    await turn();
    expect([failure?.kind, seen.length]).toEqual(['escape', rejected]);
  });

  test('the same error is seen if no simulation has noted it', async () => {
    let thrown: unknown;
    await simulate({
      scenario: (sim) => {
        try {
          sim.check(false, 'never');
        } catch (error) {
          thrown = error;
        }
      },
    });
    const reason: unknown = thrown;
    void Promise.reject(reason);
    await turn();
    expect(seen).toEqual([thrown]);
  });
});

describe('hooks of the end', () => {
  const ending = async (hooks: readonly (() => void | Promise<void>)[]) =>
    simulate({
      scenario(sim) {
        for (const hook of hooks) sim.onEnd(hook);
      },
    });

  test('are all called, the last one first, and the first error fails the simulation', async () => {
    const called: number[] = [];
    const throwing = (n: number) => () => {
      called.push(n);
      throw new Error(`hook ${n}`);
    };
    const { failure } = await ending([() => void called.push(1), throwing(2), throwing(3)]);
    expect(called).toEqual([3, 2, 1]);
    expect(failure).toMatchObject({ kind: 'error', message: 'hook 3' });
  });

  test('are awaited, each before the next, in virtual time', async () => {
    const called: string[] = [];
    const verdict = await simulate({
      scenario(sim) {
        sim.onEnd(() => void called.push(`last at ${sim.now()}`));
        sim.onEnd(async () => {
          await sim.sleep(5);
          called.push(`slept until ${sim.now()}`);
        });
      },
    });
    expect(verdict.failure).toBeUndefined();
    expect(called).toEqual(['slept until 5', 'last at 5']);
  });

  test('that reject fail it, after those that are left', async () => {
    let isCalled = false;
    const { failure } = await ending([
      () => {
        isCalled = true;
      },
      () => Promise.reject(new Error('not closed')),
    ]);
    expect(isCalled).toBe(true);
    expect(failure).toMatchObject({ kind: 'error', message: 'not closed' });
  });

  const after = async (hook: (sim: Simulation) => void | Promise<void>, options: Partial<SimulateOptions>) =>
    simulate({
      ...options,
      scenario(sim) {
        sim.onEnd(() => hook(sim));
        sim.onEnd(() => {
          throw new Error('not closed');
        });
      },
    });
  const interrupting = new AbortController();
  test.for<readonly [string, Parameters<typeof after>, readonly RegExp[]]>([
    ['that never ends', [() => Promise.race<void>([]), {}], [/^Deadlock: /]],
    [
      'that loops',
      [endless, { maxEvents: 50 }],
      [/^50 events have fired/, /^repeats every event: scenario sleep$/],
    ],
    [
      'that is ended from outside',
      [
        async (sim) => {
          await sim.sleep(1);
          interrupting.abort(new Error('enough'));
          await endless(sim);
        },
        { signal: interrupting.signal },
      ],
      [/ended from outside: enough$/, /^timer scenario sleep, /, /^timer a long nap, /],
    ],
    ['whose check fails', [(sim) => sim.check(false, 'all is closed'), {}], [/^all is closed$/]],
  ])('that fail before one %s fail the simulation', async ([, args, details]) => {
    const { failure } = await after(...args);
    expect(failure).toMatchObject({
      kind: 'error',
      message: 'not closed',
      atMs: 0,
      details: details.map((detail): unknown => expect.stringMatching(detail)),
    });
  });

  test('that never end are a deadlock, at the line at which the hook waits', async () => {
    const never = (): Promise<never> => Promise.race<never>([]);
    const closing = async (): Promise<void> => await never();
    const details = async (hook: () => Promise<void>): Promise<readonly string[] | undefined> => {
      const { failure } = await simulate({ scenario: (sim) => sim.onEnd(hook), captureAwaits: true });
      expect(failure).toMatchObject({ kind: 'deadlock' });
      return failure?.details;
    };
    const waits = expect.stringMatching(
      /^the scenario waits here, for a promise that nothing settles\n +at (async )?closing \(.*early-end\.test\.ts:/,
    ) as unknown;
    const made = expect.stringMatching(/^that promise was made here\n/) as unknown;
    expect(await details(closing)).toEqual([waits, made]);
    const later = async (): Promise<void> => {
      await Promise.resolve();
      await closing();
    };
    expect(await details(later)).toEqual([waits, made]);
  });

  test('that never end are explained with who waits, behind the error of a hook before', async () => {
    const { failure } = await after(
      async (sim) => {
        const jobs = createMutex(sim.world, { name: 'jobs' });
        await jobs.acquire({ owner: 'ann' });
        await jobs.acquire({ owner: 'bob' });
      },
      { captureAwaits: true },
    );
    expect(failure).toMatchObject({
      message: 'not closed',
      standstill: { wait: 'held' },
      details: [
        expect.stringMatching(/^Deadlock: /),
        'bob waits for mutex jobs since 0 ms, held by ann since 0 ms',
        expect.stringMatching(/^the scenario waits here/),
        'ann holds mutex jobs since 0 ms',
      ],
    });
  });

  test('leave nothing running unnoticed', async () => {
    const { failure } = await simulate({
      scenario(sim) {
        sim.onEnd(() => void sim.sleep(5, 'a nap'));
      },
    });
    expect(failure).toMatchObject({ kind: 'leftovers' });
  });
});
