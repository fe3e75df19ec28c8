import { AsyncLocalStorage } from 'node:async_hooks';
import { createClock, install } from '@sinonjs/fake-timers';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  createSimulatedRunner,
  createChaosRunner,
  createFakeRunner,
  createPollingService,
  argvScript,
} from 'dryrunner';
import { finalStatus, sleep, type RunStatus, type Service, type World } from 'dryrunner';
import { fakeTimersWorld, installFakeTimers } from 'dryrunner/fake-timers';
import { createDecisions, createVirtualClock, randomDecisions } from 'dryrunner/kernel';
import type { Choices } from 'dryrunner/kernel';
import type { Clock } from '../../src/kernel/clock.ts';

const DAY_MS = 86_400_000;

afterEach(() => {
  vi.useRealTimers();
});

/** A clock of fake timers, by what drives it. */
interface Driven {
  readonly world: World;
  readonly clock: Clock;
  tick(ms: number): unknown;
  tickAsync(ms: number): Promise<unknown>;
  count(): number;
  reset(): void;
  uninstall(): void;
  setDate(ms: number): void;
  setTimeout(callback: () => void, ms: number): unknown;
}

const MAKERS: Readonly<Record<string, (options?: object) => Driven>> = {
  'createClock()': (options) => {
    const timers = createClock(1000);
    const world = fakeTimersWorld(timers, options);
    return {
      ...{ world, clock: world.clock },
      tick: (ms) => timers.tick(ms),
      tickAsync: (ms) => timers.tickAsync(ms),
      count: () => timers.countTimers(),
      reset: () => timers.reset(),
      uninstall: () => timers.uninstall(),
      setDate: (ms) => timers.setSystemTime(ms),
      setTimeout: (callback, ms) => timers.setTimeout(callback, ms),
    };
  },
  'vi.useFakeTimers()': (options) => {
    vi.useFakeTimers({ now: 1000 });
    const world = fakeTimersWorld(vi, options);
    return {
      ...{ world, clock: world.clock },
      tick: (ms) => vi.advanceTimersByTime(ms),
      tickAsync: (ms) => vi.advanceTimersByTimeAsync(ms),
      count: () => vi.getTimerCount(),
      reset: () => vi.clearAllTimers(),
      uninstall: () => void vi.useRealTimers(),
      setDate: (ms) => void vi.setSystemTime(ms),
      setTimeout: (callback, ms) => setTimeout(callback, ms),
    };
  },
};

describe.for(Object.entries(MAKERS))('a world of %s', ([, make]) => {
  function noted(options?: object) {
    const driven = make(options);
    const fired: string[] = [];
    const note = (name: string) => (): void => void fired.push(`${name} ${driven.clock.now()}`);
    return { ...driven, fired, note };
  }

  test('timers fire once, at their time, in the order of time, and then of making', () => {
    const { clock, fired, note, tick, count } = noted();
    clock.timer('c', 30, note('c'));
    clock.timer('a', 10, note('a'));
    clock.timer('b', 20, note('b'));
    clock.timer('b too', 20, note('b too'));
    expect(count()).toBe(4);
    tick(9);
    expect(fired).toEqual([]);
    tick(100);
    expect(fired).toEqual(['a 10', 'b 20', 'b too 20', 'c 30']);
    expect(clock.now()).toBe(109);
    expect(count()).toBe(0);
  });

  test('what is cancelled does not fire and is no timer any more; cancelling again does nothing', () => {
    const { clock, fired, note, tick, count } = noted();
    const timers = [clock.timer('a', 5, note('a')), clock.post('b', note('b'))];
    timers.push(clock.endOfInstant('c', 0, note('c')), clock.timer('d', 9 * DAY_MS, note('d')));
    const kept = clock.timer('kept', 10, note('kept'));
    for (const timer of [...timers, ...timers]) timer.cancel();
    expect(count()).toBe(1);
    tick(20);
    kept.cancel();
    expect(fired).toEqual(['kept 10']);
  });

  test('a callback that returns a generator, whose body nobody runs, is refused as it fires', () => {
    const { clock, fired, note, tick } = noted();
    const generator = function* (): Generator {
      yield note('never')();
    };
    for (const method of ['post', 'timer', 'endOfInstant'] as const) {
      if (method === 'post') clock.post('x', generator);
      else clock[method]('x', 5, generator);
      expect(() => tick(5)).toThrow(
        expect.objectContaining({
          code: 'RUNNER_INVALID_ARGUMENT',
          message: expect.stringMatching(/^fire: expected .* got one that returned a generator/),
        }),
      );
    }
    expect(fired).toEqual([]);
  });

  test('R104 what is posted fires now, after the running callback, in the same tick', () => {
    const { clock, fired, note, tick, count } = noted();
    clock.timer('a', 10, () => {
      clock.post('c', () => {
        note('c')();
        clock.post('d', note('d'));
      });
      note('a')();
    });
    clock.timer('b', 10, note('b'));
    tick(10);
    expect(fired).toEqual(['a 10', 'b 10', 'c 10', 'd 10']);
    expect(count()).toBe(0);
    clock.post('e', note('e'));
    tick(0);
    expect(fired.at(-1)).toBe('e 10');
  });

  test('R35 an end-of-instant event fires after all that is due then, timers of others too, and what that posts', () => {
    const { clock, fired, note, tick, setTimeout } = noted();
    clock.endOfInstant('end', 10, note('end'));
    clock.endOfInstant('end too', 10, note('end too'));
    setTimeout(note('other'), 10);
    clock.timer('a', 10, () => {
      note('a')();
      clock.post('b', () => {
        note('b')();
        clock.post('c', note('c'));
      });
    });
    clock.timer('later', 11, note('later'));
    tick(20);
    expect(fired).toEqual(['other 10', 'a 10', 'b 10', 'c 10', 'end 10', 'end too 10', 'later 11']);
  });

  test('a time between two milliseconds is never early, is seen exactly, and does not drift', async () => {
    const { clock, tick, tickAsync } = noted();
    const seen: number[] = [];
    const chain = (async () => {
      for (let round = 0; round < 4; round += 1) {
        await sleep(clock, 2.5);
        seen.push(clock.now());
      }
    })();
    await tickAsync(2);
    expect(seen).toEqual([]);
    await tickAsync(1);
    expect(seen).toEqual([2.5]);
    expect(clock.now()).toBe(3);
    await tickAsync(7);
    expect(clock.now()).toBe(10);
    await chain;
    expect(seen.map((ms) => Math.round(ms * 10) / 10)).toEqual([2.5, 5, 7.5, 10]);
    clock.timer('tiny', 0.001, () => seen.push(clock.now()));
    clock.timer('tinier', 0.000_001, () => seen.push(clock.now()));
    tick(1);
    expect(seen.slice(4)).toEqual([10.001, 10.001]);
    tick(0.4);
    expect(clock.now()).toBe(11.4);
  });

  test('delays beyond 24.8 days and beyond representable time work', () => {
    const { clock, fired, note, tick, count } = noted();
    clock.timer('far', 100 * DAY_MS, note('far'));
    clock.timer('never', Number.MAX_VALUE, note('never')).cancel();
    tick(100 * DAY_MS - 1);
    expect(fired).toEqual([]);
    tick(1);
    expect(fired).toEqual([`far ${100 * DAY_MS}`]);
    expect(count()).toBe(0);
  });

  test.for([-1, NaN, Infinity])('a delay of %d ms is refused', (ms) => {
    const { clock } = noted();
    expect(() => clock.timer('x', ms, () => undefined)).toThrow(/ms: expected a finite number ≥ 0/);
    expect(() => clock.endOfInstant('x', ms, () => undefined)).toThrow(/ms: expected a finite number ≥ 0/);
    expect(() => clock.post('x', 7 as never)).toThrow(/fire: expected a function, got 7/);
    expect(() => clock.post(7 as never, () => undefined)).toThrow(/label: expected a text/);
  });

  test('promise reactions of one event run before the next one', async () => {
    const { clock, tickAsync } = noted();
    const order: string[] = [];
    clock.timer('a', 10, () => {
      order.push('a');
      void Promise.resolve()
        .then(() => undefined)
        .then(() => clock.post('c', () => order.push('c')))
        .then(() => order.push('reaction'));
    });
    clock.timer('b', 10, () => order.push('b'));
    clock.endOfInstant('end', 10, () => order.push('end'));
    await tickAsync(10);
    expect(order).toEqual(['a', 'reaction', 'b', 'c', 'end']);
  });

  test('a callback that throws hides neither its error nor later events', () => {
    const { clock, fired, note, tick } = noted();
    clock.timer('bad', 10, () => {
      throw new Error('boom');
    });
    clock.timer('good', 10, note('good'));
    expect(() => tick(10)).toThrow('boom');
    tick(1);
    expect(fired).toEqual(['good 10']);
  });

  test('callbacks run in the async context in which they were registered', () => {
    const { clock, tick } = noted();
    const storage = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    for (const name of ['a', 'b']) {
      storage.run(name, () => clock.timer(name, 1, () => seen.push(storage.getStore())));
    }
    storage.run('who ticks', () => tick(1));
    expect(seen).toEqual(['a', 'b']);
  });

  test('several times in one millisecond are seen one after the other', () => {
    const { clock, fired, note, tick, count } = noted();
    clock.timer('a', 10.4, () => {
      note('a')();
      clock.timer('b', 0.3, () => {
        note('b')();
        clock.timer('c', 0.3, note('c'));
      });
    });
    tick(11);
    expect(fired).toEqual(['a 10.4', 'b 10.7', 'c 11']);
    expect(clock.now()).toBe(11);
    expect(count()).toBe(0);
  });

  test('what was seen in a millisecond is not taken back by what was due before it', () => {
    const { clock, fired, note, tick, setTimeout } = noted();
    setTimeout(note('other'), 11);
    clock.timer('a', 10.4, note('a'));
    tick(11);
    expect(fired).toEqual(['other 11', 'a 11']);
  });

  test('a tick inside of a callback never takes time back', () => {
    const { clock, fired, note, tick } = noted();
    clock.timer('a', 10, () => {
      note('a')();
      tick(15);
      note('a again')();
      clock.post('posted', note('posted'));
    });
    clock.timer('b', 20.5, note('b'));
    clock.timer('c', 30, note('c'));
    tick(10);
    tick(30);
    expect(fired.slice(0, 3)).toEqual(['a 10', 'b 20.5', 'a again 25']);
    const times = fired.map((text) => Number(text.split(' ').at(-1)));
    expect(times).toEqual([...times].sort((x, y) => x - y));
    expect(fired.map((text) => text.replace(/ [\d.]+$/, ''))).toEqual(['a', 'b', 'a again', 'posted', 'c']);
  });

  test('the date may be set to anything: time goes on, and timers fire when they would have', () => {
    const { clock, fired, note, tick, setDate } = noted();
    expect(clock.epochMs).toBe(1000);
    clock.timer('a', 10, note('a'));
    tick(4.5);
    setDate(5_000_000.25);
    expect(clock.now()).toBe(4.5);
    tick(3);
    setDate(0);
    expect(clock.now()).toBe(7.5);
    clock.timer('b', 10, note('b'));
    tick(2);
    expect(fired).toEqual([]);
    tick(1);
    expect(fired).toEqual(['a 10']);
    tick(7);
    expect(fired).toEqual(['a 10', 'b 17.5']);
    expect(clock.epochMs).toBe(1000);
  });

  test('what a jump skips fires once, late, in its order', async () => {
    const timers = createClock();
    const { clock } = fakeTimersWorld(timers);
    const fired: string[] = [];
    const note = (name: string) => (): void => void fired.push(`${name} ${clock.now()}`);
    clock.timer('b', 20, note('b'));
    clock.timer('a', 10, () => {
      note('a')();
      clock.timer('again', 10, note('again'));
    });
    clock.timer('c', 300, note('c'));
    timers.jump(200);
    expect(fired).toEqual(['a 200', 'b 200']);
    await timers.runAllAsync();
    expect(fired.slice(2)).toEqual(['again 210', 'c 300']);
  });

  test('a reset forgets events as it does timers, and time goes on', () => {
    const { clock, fired, note, tick, reset, count } = noted();
    const forgotten = clock.timer('forgotten', 10, note('forgotten'));
    clock.post('posted', note('posted'));
    tick(7);
    fired.length = 0;
    reset();
    expect(count()).toBe(0);
    expect(clock.now()).toBe(7);
    clock.timer('new', 10, note('new'));
    forgotten.cancel();
    tick(9);
    expect(fired).toEqual([]);
    tick(1);
    expect(fired).toEqual(['new 17']);
  });

  test('after uninstall new events are refused by name, and nothing hangs', async () => {
    const { world, clock, fired, note, tick, uninstall } = noted();
    const timer = clock.timer('a', 10, note('a'));
    tick(3);
    const runner = createSimulatedRunner(world);
    uninstall();
    for (const late of [
      () => clock.timer('x', 1, note('x')),
      () => clock.post('x', note('x')),
      () => clock.endOfInstant('x', 1, note('x')),
    ]) {
      expect(late).toThrow(expect.objectContaining({ code: 'RUNNER_SIMULATION_MISUSE' }) as Error);
    }
    await expect(runner.run({ argv: ['complete 0'] })).rejects.toThrow(/uninstalled, so that nobody ticks/);
    timer.cancel();
    expect(clock.now()).toBe(3);
    expect(fired).toEqual([]);
  });

  test('without a seed what is due together is first-in-first-out; a seed draws it, the same each time', () => {
    const orderOf = (options?: object): string => {
      const { clock, tick } = make(options);
      let order = '';
      for (const name of 'abcdefgh') clock.timer(name, 10, () => (order += name));
      clock.endOfInstant('end', 10, () => (order += '.'));
      tick(10);
      vi.useRealTimers();
      return order;
    };
    expect(orderOf()).toBe('abcdefgh.');
    const drawn = [1, 2, 3].map((seed) => orderOf({ seed }));
    expect(drawn).toEqual([1, 2, 3].map((seed) => orderOf({ seed })));
    expect(new Set(drawn).size).toBe(3);
    expect(drawn.map((order) => [...order].sort().join(''))).toEqual(Array(3).fill('.abcdefgh'));
    const choices = createDecisions(randomDecisions(1));
    expect(orderOf({ choices })).toBe(drawn[0]);
    expect(choices.entries().length).toBe(7);
  });

  test('what was drawn to go first leaves nothing behind, whatever is cancelled then', () => {
    for (const seed of [1, 2, 3, 4]) {
      const { clock, tick, count } = make({ seed });
      const timers = Array.from('abcdefgh', (name) =>
        clock.timer(name, 10, () => {
          for (const timer of timers) timer.cancel();
          expect(count()).toBe(0);
        }),
      );
      tick(10);
      vi.useRealTimers();
    }
  });

  test('choices know which event led to which', () => {
    const causes: number[] = [];
    const choices: Choices = {
      choose: () => 0,
      order(due) {
        for (let k = 0; k < due.count; k += 1) causes.push(due.causeOf(k));
        return 0;
      },
    };
    const { clock, tick } = make({ choices });
    clock.timer('a', 10, () => {
      clock.post('b', () => undefined);
      clock.post('c', () => undefined);
    });
    tick(10);
    expect(causes).toEqual([1, 1]);
  });

  test('the order of a seed is that of the same events on a virtual clock', async () => {
    const orderOn = (clock: Clock): string[] => {
      const order: string[] = [];
      const note = (name: string) => (): void => void order.push(`${name}@${clock.now()}`);
      for (const ms of [2.5, 10, 10.25, 10, 2.5]) {
        clock.timer(`t${ms}`, ms, () => {
          note(`t${ms}`)();
          clock.post(`p${ms}`, note(`p${ms}`));
          clock.timer(`n${ms}`, 7.5, note(`n${ms}`));
        });
      }
      return order;
    };
    const virtual = createVirtualClock({ choices: createDecisions(randomDecisions(5)) });
    const expected = orderOn(virtual);
    await virtual.runUntilIdle();
    const { clock, tickAsync } = make({ seed: 5 });
    const order = orderOn(clock);
    await tickAsync(50);
    expect(order).toEqual(expected);
  });
});

describe('runners in a world of fake timers', () => {
  const RUNNERS: readonly (readonly [string, (world: World) => Service])[] = [
    ['fake', (world) => createFakeRunner(world, { script: argvScript })],
    ['simulated', (world) => createSimulatedRunner(world)],
    [
      'chaos',
      (world) =>
        createChaosRunner(world, createSimulatedRunner(world), {
          plan: { schedule: [{ operation: 'status', call: 1, kind: 'before' }] },
        }),
    ],
    [
      'polling',
      (world) => {
        const runner = createSimulatedRunner(world);
        return createPollingService(world, runner, runner, { periodMs: 250 });
      },
    ],
  ];

  test.for(RUNNERS)('a %s runner is driven by vi', async ([name, create]) => {
    vi.useFakeTimers();
    const runner = create(fakeTimersWorld(vi));
    const { runId } = await runner.run({ argv: ['sleep 60000', 'complete 3'] });
    let ended: RunStatus | undefined;
    void finalStatus(runner, runId).then(({ status }) => (ended = status));
    await vi.advanceTimersByTimeAsync(59_999);
    expect(ended).toBeUndefined();
    // A poller asks every 10 s by then.
    await vi.advanceTimersByTimeAsync(name === 'polling' ? 10_000 : 1);
    expect(ended).toMatchObject({ state: 'COMPLETE', exitCode: 3 });
    const asked = runner.status(runId).then(({ status }) => status.state);
    if (name === 'chaos') await expect(asked).rejects.toMatchObject({ code: 'RUNNER_INJECTED_FAULT' });
    else expect(await asked).toBe('COMPLETE');
    const released = runner.release();
    await vi.runAllTimersAsync();
    await released;
    expect(vi.getTimerCount()).toBe(0);
  });

  test('the limit of runAllAsync, a thousand timers by default, ends the call and not the runner', async () => {
    const timers = createClock();
    const world = fakeTimersWorld(timers);
    const behind = createSimulatedRunner(world);
    const runner = createPollingService(world, behind, behind, { periodMs: 10_000 });
    const { runId } = await runner.run({ argv: ['sleep 20000000', 'complete 3'] });
    const ended = finalStatus(runner, runId);
    await expect(timers.runAllAsync()).rejects.toThrow(/Aborting after running 1000 timers/);
    await timers.tickAsync(20_010_000);
    expect((await ended).status.exitCode).toBe(3);
  });

  test('timers of the code under test and of a runner fire in the order in which they are due', async () => {
    vi.useFakeTimers();
    const runner = createSimulatedRunner(fakeTimersWorld(vi));
    const { runId } = await runner.run({ argv: ['sleep 1000', 'complete 0'] });
    setTimeout(() => void runner.abort(runId), 999);
    const { status } = await (async () => {
      const ended = finalStatus(runner, runId);
      await vi.advanceTimersByTimeAsync(1000);
      return ended;
    })();
    expect(status.state).toBe('ABORTED');
  });
});

describe('what there is no world of', () => {
  test('vi without fake timers says what to call', () => {
    expect(() => fakeTimersWorld(vi)).toThrow(
      'timers: expected vi with fake timers, got vi without: call vi.useFakeTimers() first',
    );
    vi.useFakeTimers({ toFake: ['Date'] });
    expect(fakeTimersWorld(vi).clock.now()).toBe(0);
    vi.useRealTimers();
    vi.useFakeTimers({ toFake: ['hrtime'] });
    expect(() => fakeTimersWorld(vi)).toThrow(
      /expected one of setTimeout, setInterval, .* to be faked by vi/,
    );
  });

  test.for([[undefined], [null], [7], ['vi'], [{}], [{ now: 1, performance: { now: () => 0 } }]])(
    '%j is refused',
    ([timers]) => {
      expect(() => fakeTimersWorld(timers as never)).toThrow(
        expect.objectContaining({
          code: 'RUNNER_INVALID_ARGUMENT',
          message: expect.stringMatching(/^timers/),
        }) as Error,
      );
    },
  );

  test('options are checked', () => {
    expect(() => fakeTimersWorld(createClock(), { seed: {} as never })).toThrow(/^seed: expected/);
    expect(() => fakeTimersWorld(createClock(), { choices: {} as never })).toThrow(/^choices: expected/);
  });
});

describe('fake timers that are installed', () => {
  test('replace timers and dates, drive runners, and leave promises alone', async () => {
    const { world, clock } = await installFakeTimers({ seed: 7 });
    try {
      expect(new Date().toISOString()).toBe('2000-01-01T00:00:00.000Z');
      expect(world.clock.epochMs).toBe(Date.now());
      const order: string[] = [];
      queueMicrotask(() => order.push('microtask'));
      process.nextTick(() => order.push('tick'));
      const runner = createSimulatedRunner(world);
      const { runId } = await runner.run({ argv: ['sleep 60000', 'complete 0'] });
      setTimeout(() => order.push('half'), 30_000);
      const polled = createPollingService(world, runner, runner, { periodMs: 1 });
      const ended = finalStatus(polled, runId);
      // More than fake-timers' own limit of a thousand timers.
      for (let count = 0; count < 1500; count += 1) setTimeout(() => undefined, count);
      await clock.runAllAsync();
      expect((await ended).status.state).toBe('COMPLETE');
      expect(order.toSorted()).toEqual(['half', 'microtask', 'tick']);
    } finally {
      clock.uninstall();
    }
    expect(() => world.clock.post('late', () => undefined)).toThrow(/uninstalled/);
  });

  test('twice is an error of fake-timers, and leaves what was there', async () => {
    const { clock } = await installFakeTimers({ epochMs: 5 });
    await expect(installFakeTimers()).rejects.toThrow(/fake timers twice/);
    expect(Date.now()).toBe(5);
    clock.uninstall();
    await expect(installFakeTimers({ epochMs: NaN })).rejects.toThrow(/^epochMs: expected/);
  });

  test('by install() of the package itself make a world too', async () => {
    const clock = install({ now: 77 });
    try {
      const world = fakeTimersWorld(clock);
      const slept = sleep(world.clock, 5);
      clock.tick(5);
      await slept;
      expect(Date.now()).toBe(82);
    } finally {
      clock.uninstall();
    }
  });
});
