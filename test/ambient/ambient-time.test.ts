import { AsyncLocalStorage } from 'node:async_hooks';
import crypto from 'node:crypto';
import nodeTimers from 'node:timers';
import timersPromises from 'node:timers/promises';
import { Script } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { simulate, type Scenario } from 'dryrunner';
import { ambientTime } from 'dryrunner/ambient';
import { hub } from '../../src/ambient/hub.ts';
import { realFunctions } from '../../src/kernel/drain-real-functions.ts';
import { elapsed, EPOCH_MS, logOf, passes } from './ambient-log.ts';

describe('timers in ambient time', () => {
  test('an hour passes at once, for all clocks alike', async () => {
    const log = await logOf(async (note) => {
      const bigint = process.hrtime.bigint();
      await passes(3_600_000);
      note([
        Date.now() - EPOCH_MS,
        performance.now(),
        process.uptime(),
        process.hrtime(),
        process.hrtime.bigint() - bigint,
      ]);
      note(new Date().toISOString());
    });
    expect(log).toEqual([
      [3_600_000, 3_601_000, 3_601, [3_601, 0], 3_600_000_000_000n],
      '2000-01-01T01:00:00.000Z',
    ]);
  });

  test('no clock begins at 0, which code takes for "no time"', async () => {
    const log = await logOf((note) => {
      note([performance.now(), process.hrtime(), process.hrtime.bigint(), process.uptime()]);
      note([Date.now(), performance.timeOrigin + performance.now(), new Event('at').timeStamp]);
    });
    expect(log).toEqual([
      [1_000, [1, 0], 1_000_000_000n, 1],
      [EPOCH_MS, EPOCH_MS, 1_000],
    ]);
  });

  test('timers of one duration fire in the order of setting under every decision, others in any order', async () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 40; seed += 1) {
      const order: string[] = [];
      await simulate({
        ambient: ambientTime(),
        seed,
        scenario: async () => {
          for (const name of ['a', 'b', 'c']) setTimeout(() => order.push(name), 10);
          await passes(5);
          setTimeout(() => order.push('x'), 5);
          await passes(20);
        },
      });
      expect(order.filter((name) => name !== 'x')).toEqual(['a', 'b', 'c']);
      seen.add(order.join(''));
    }
    expect([...seen].sort()).toEqual(['abcx', 'abxc', 'axbc', 'xabc']);
  });

  test('ticks come before promises, those before immediates, those before timers', async () => {
    const log = await logOf(async (note) => {
      setTimeout(note, 0, 'timer');
      setImmediate(note, 'immediate');
      queueMicrotask(() => note('microtask'));
      process.nextTick(note, 'tick');
      note('now');
      await passes(2);
    });
    expect(log).toEqual(['now', 'tick', 'microtask', 'immediate', 'timer']);
  });

  test('an interval ends when it is cleared, by itself, its number, or a method', async () => {
    const log = await logOf(async (note) => {
      let ticks = 0;
      const interval = setInterval(() => {
        ticks += 1;
        note(elapsed());
        if (ticks === 3) clearInterval(interval);
      }, 10);
      clearTimeout(Number(setTimeout(note, 1, 'cleared by number')));
      setTimeout(note, 1, 'closed')[Symbol.dispose]();
      setInterval(note, 1, 'closed').close();
      clearImmediate(setImmediate(note, 'cleared'));
      clearTimeout(undefined);
      await passes(100);
    });
    expect(log).toEqual([10, 20, 30]);
  });

  test('a timer can be set again, and knows whether it keeps a process alive', async () => {
    const log = await logOf(async (note) => {
      const timeout = setTimeout(() => note(elapsed()), 10);
      await passes(6);
      note(timeout.refresh() === timeout);
      note([timeout.hasRef(), timeout.unref().hasRef(), timeout.ref().hasRef(), typeof Number(timeout)]);
      await passes(50);
    });
    expect(log).toEqual([true, [true, false, true, 'number'], 16]);
  });

  test('node:timers and node:timers/promises are virtual too', async () => {
    const log = await logOf(async (note) => {
      nodeTimers.setTimeout(note, 5, 'from node:timers');
      note(await timersPromises.setTimeout(10, 'value'));
      note(await timersPromises.setImmediate('immediate'));
      await timersPromises.scheduler.wait(20);
      await timersPromises.scheduler.yield();
      for await (const tick of timersPromises.setInterval(10, 'tick')) {
        note(tick);
        if (elapsed() >= 50) break;
      }
      note(elapsed());
    });
    expect(log).toEqual(['from node:timers', 'value', 'immediate', 'tick', 'tick', 50]);
  });

  test('a promised timer rejects when its signal aborts, and leaves nothing', async () => {
    const log = await logOf(async (note) => {
      const controller = new AbortController();
      const slept = timersPromises.setTimeout(1_000, 'value', { signal: controller.signal });
      setTimeout(() => controller.abort('why'), 10);
      await slept.catch((error: unknown) => {
        const { name, code, cause } = error as Error & { code: string };
        note([name, code, cause]);
      });
      const { signal } = { signal: AbortSignal.timeout(30) };
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
      });
      note([(signal.reason as Error).name, elapsed()]);
    });
    expect(log).toEqual([
      ['AbortError', 'ABORT_ERR', 'why'],
      ['TimeoutError', 40],
    ]);
  });

  test('a promised interval ends when its signal aborts, though nobody asks for another tick', async () => {
    const log = await logOf(async (note) => {
      const controller = new AbortController();
      const { signal } = controller;
      const ticks = timersPromises.setInterval(10, 'tick', { signal })[Symbol.asyncIterator]();
      note((await ticks.next()).value);
      controller.abort();
    });
    expect(log).toEqual(['tick']);
  });

  test('a store of the async context is there in a timer, an immediate and after them', async () => {
    const store = new AsyncLocalStorage<string>();
    const log = await logOf(async (note) => {
      await store.run('mine', async () => {
        setImmediate(() => note(store.getStore()));
        await passes(5);
        note(store.getStore());
      });
      note(store.getStore());
    });
    expect(log).toEqual(['mine', 'mine', undefined]);
  });
});

describe('entropy in ambient time', () => {
  const draws: Scenario = (sim) => {
    sim.note(
      JSON.stringify([
        ...[Math.random(), crypto.randomInt(1_000), crypto.randomUUID(), globalThis.crypto.randomUUID()],
        ...[crypto.randomBytes(4).toString('hex'), [...globalThis.crypto.getRandomValues(new Uint8Array(4))]],
      ]),
    );
  };

  test('is the same again for a seed, and another one for another', async () => {
    const hashOf = async (seed: number): Promise<string> =>
      (await simulate({ ambient: ambientTime(), seed, scenario: draws })).traceHash;
    expect(await hashOf(1)).toBe(await hashOf(1));
    expect(await hashOf(1)).not.toBe(await hashOf(2));
  });

  test('Math.random is drawn from the log, and no two draws agree by decision', async () => {
    const log = await logOf((note) => {
      note(Math.random());
      note(Math.random());
    });
    expect(log).toEqual([expect.any(Number), expect.any(Number)]);
    expect(new Set(log).size).toBe(2);
  });

  test('the plain draw of Math.random is in the middle, the others reach all of [0, 1)', async () => {
    const [plain] = await logOf((note) => note(Math.random()));
    expect(plain).toBeGreaterThanOrEqual(0.5);
    expect(plain).toBeLessThan(0.5 + 1 / 16);
    const sixteenths = new Set<number>();
    for (let seed = 1; seed <= 200; seed += 1) {
      const scenario = (): void => void sixteenths.add(Math.floor(Math.random() * 16));
      await simulate({ ambient: ambientTime(), seed, scenario });
    }
    expect([...sixteenths].sort((one, other) => one - other)).toEqual(
      Array.from({ length: 16 }, (_, part) => part),
    );
  });
});

describe('every bit of a draw varies', () => {
  /** The bits that were 0 in some draw and 1 in another, from the lowest. */
  const varying = (draws: readonly bigint[], bits: number): boolean[] =>
    Array.from(
      { length: bits },
      (_, bit) => new Set(draws.map((drawn) => (drawn >> BigInt(bit)) & 1n)).size === 2,
    );
  const drawnBy = async (draw: () => number): Promise<bigint[]> => {
    const draws: bigint[] = [];
    const { failure } = await simulate({
      ambient: ambientTime(),
      seed: 1,
      scenario: () => {
        for (let i = 0; i < 200; i += 1) draws.push(BigInt(draw()));
      },
    });
    expect(failure).toBeUndefined();
    return draws;
  };

  test.for([
    ['Math.random', 53, () => Math.random() * 2 ** 53],
    ['crypto.randomInt', 47, () => crypto.randomInt(2 ** 47)],
  ] as const)('of %s, all %d', async ([, bits, draw]) => {
    const draws = await drawnBy(draw);
    expect(varying(draws, bits)).toEqual(Array.from({ length: bits }, () => true));
    expect(draws.every((drawn) => drawn < 2n ** BigInt(bits))).toBe(true);
  });
});

describe('between simulations', () => {
  test('the machine has its own time, and a timer of a simulation that is over never fires', async () => {
    let left: NodeJS.Timeout | undefined;
    let fired = false;
    await simulate({
      ambient: ambientTime(),
      leftovers: 'ignore',
      scenario: () => {
        left = setTimeout(() => (fired = true), 1);
      },
    });
    expect(Date.now()).toBeGreaterThan(Date.UTC(2020, 0, 1));
    left?.refresh();
    clearTimeout(left);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
    expect(fired).toBe(false);
  });

  test('R204 what would keep a process alive is left over, each kind with its lines, and what to do', async () => {
    const { failure } = await simulate({
      ambient: ambientTime(),
      capturePlaces: true,
      scenario: (sim) => {
        setTimeout(function renew() {}, 5_000);
        setTimeout(() => {}, 5_000).unref();
        for (const ms of [10, 30, 20]) setTimeout(function poll() {}, ms);
        setInterval(() => {}, 40);
        setImmediate(() => {});
        void sim.sleep(50);
      },
    });
    expect(failure?.message).toBe(
      'The scenario has ended and left 4 timeouts, 1 interval, 1 immediate and 1 timer',
    );
    const at = '\n[^]*at .*ambient-time\\.test\\.ts:\\d+:\\d+';
    expect(failure?.details).toEqual([
      '1 × sim.sleep of the scenario has not ended: a promise was not awaited',
      ...['immediate, due at 0 ms', '3 timeouts "poll", due at 10 to 30 ms', 'interval, due at 40 ms']
        .concat(['timeout "renew", due at 5000 ms', 'timer scenario sleep, due at 50 ms'])
        .map((text): unknown => expect.stringMatching(new RegExp(`^${text}${at}`))),
      "clear, await or release what is left before the scenario ends, or allow it with the option leftovers: 'ignore'",
    ]);
  });

  test.for([
    ['timeout', (boom: () => void): void => void setTimeout(boom, 20)],
    [
      'interval',
      (boom: () => void): void => {
        let beats = 0;
        setInterval(() => {
          beats += 1;
          if (beats === 4) boom();
        }, 5);
      },
    ],
  ] as const)('what an %s throws that is left over is named before it', async ([kind, leave]) => {
    const { failure, firedEvents } = await simulate({
      ambient: ambientTime(),
      capturePlaces: true,
      scenario: () =>
        leave(() => {
          throw new Error('late boom');
        }),
    });
    expect(failure?.message).toBe(
      `What the scenario left when it ended throws at 20 ms: late boom. It left 1 ${kind}`,
    );
    expect(failure?.details[0]).toMatch(new RegExp(`^${kind}.*, due at`));
    expect(firedEvents).toBe(0);
  });

  test.for(['other events are due', 'nothing is due'])(
    'code that a module being loaded lets go on between two turns sees the simulation: %s',
    async (due) => {
      let files: readonly string[] = ['late.mjs'];
      let turns = 0;
      let load: (() => void) | undefined;
      const loaded = new Promise<void>((resolve) => {
        load = resolve;
      });
      let elapsedMs = NaN;
      hub.loading = () => files;
      try {
        await simulate({
          ambient: ambientTime(),
          onTurn: () => {
            turns += 1;
            // Called before the next turn, which is asked for when this one ends.
            if (turns === 2) realFunctions.setImmediate(() => load?.());
          },
          scenario: async () => {
            const begunMs = Date.now();
            const tick = (): void => {
              if (files.length > 0) setTimeout(tick, 1);
            };
            if (due === 'other events are due') tick();
            await loaded;
            elapsedMs = Date.now() - begunMs;
            files = [];
          },
        });
      } finally {
        delete hub.loading;
      }
      expect(elapsedMs).toBeLessThan(100_000);
    },
  );

  test('listeners that its code has added to process are gone, and all others stay', async () => {
    const heard: string[] = [];
    const event = 'of a test' as 'message';
    const ignore = (): void => {};
    const both = (): void => void heard.push('both');
    const own = (): void => void heard.push('own');
    const filename = '/code/node_modules/vitest/dist/tool.js';
    const tool = new Script('(process, event) => process.on(event, () => {})', { filename });
    const addAsTool = tool.runInThisContext() as (target: typeof process, event: string) => void;
    process.on(event, both);
    for (const seed of [1, 2]) {
      const { failure } = await simulate({
        ambient: ambientTime(),
        seed,
        scenario: async () => {
          for (const add of ['on', 'once', 'prependListener'] as const) process[add](event, own);
          process.on(event, both);
          process.on(event, ignore).off(event, ignore);
          if (seed === 1) addAsTool(process, event);
          await passes(5);
          process.emit(event, undefined, undefined);
          process.once(event, own);
        },
      });
      expect(failure).toBeUndefined();
      expect(heard.splice(0).toSorted()).toEqual(['both', 'both', 'own', 'own', 'own']);
      expect(process.listeners(event)).toEqual([both, expect.any(Function)]);
    }
    process.removeAllListeners(event);
  });

  test('globals that somebody else has replaced are refused', async () => {
    const real = globalThis.setTimeout;
    globalThis.setTimeout = ((...args: Parameters<typeof setTimeout>) => real(...args)) as typeof setTimeout;
    try {
      await expect(simulate({ ambient: ambientTime(), scenario: () => {} })).rejects.toThrow(
        /^setTimeout is not the machine's any more/,
      );
    } finally {
      globalThis.setTimeout = real;
    }
  });
});
