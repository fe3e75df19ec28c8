import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { documentedDrain } from '../../src/kernel/drain-documented.ts';
import { fastDrain } from '../../src/kernel/drain-fast.ts';
import type { Drain } from '../../src/kernel/drain-run.ts';
import { activeResources, resourcesSince } from '../../src/kernel/drain-host.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';

const drains: readonly Drain[] = [fastDrain as Drain, documentedDrain];
const { nextTick } = process;

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

describe.each(drains)('the turns of the $name drain', (drain) => {
  test('gives the real loop a turn every N steps, and calls the caller back', async () => {
    let steps = 0;
    let hasRealTimerFired = false;
    const turnsAt: number[] = [];
    await drain.run(
      () => {
        steps += 1;
        if (steps === 1) setTimeout(() => (hasRealTimerFired = true), 1);
        return hasRealTimerFired && turnsAt.length > 2 ? 'stop' : true;
      },
      { stepsPerTurn: 100, onTurn: () => turnsAt.push(steps) },
    );
    expect(hasRealTimerFired).toBe(true);
    expect(turnsAt.slice(0, 3)).toEqual([0, 100, 200]);
  });

  test('gives the real loop a turn also where few steps take long', async () => {
    let steps = 0;
    const turnsAt: number[] = [];
    await drain.run(
      () => {
        const until = performance.now() + 5;
        while (performance.now() < until);
        steps += 1;
        return steps < 100 ? true : 'stop';
      },
      { onTurn: () => turnsAt.push(steps) },
    );
    expect(turnsAt.length).toBeGreaterThan(2);
  });

  test('uses the methods of the engine, also in the first run, whatever promises do during a turn', async () => {
    vi.resetModules();
    const fresh =
      drain.name === 'fast'
        ? (await import('../../src/kernel/drain-fast.ts')).fastDrain
        : (await import('../../src/kernel/drain-documented.ts')).documentedDrain;

    const { then } = Promise.prototype;
    let calls = 0;
    let steps = 0;
    await fresh?.run(() => ((steps += 1) < 250 ? true : 'stop'), {
      stepsPerTurn: 100,
      onTurn: () => {
        Promise.prototype.then = function (...args) {
          calls += 1;
          return Reflect.apply(then, this, args);
        };
      },
      onTurnEnd: () => (Promise.prototype.then = then),
    });
    expect([steps, calls]).toEqual([250, 0]);
  });

  test('stops on request, with events still pending', async () => {
    const clock = createVirtualClock();
    for (let i = 0; i < 5; i++) clock.timer('t', i, () => {});
    await drain.run(() => (clock.fired === 3 ? 'stop' : clock.step()));
    expect(clock.pending).toBe(2);
  });

  test('with nothing pending waits for real I/O, as long as the caller wants', async () => {
    const clock = createVirtualClock();
    let text = '';
    let asked = 0;
    clock.timer('read', 1, () => {
      void readFile(new URL(import.meta.url), 'utf8').then((content) => {
        clock.timer('after the read', 1, () => (text = content));
      });
    });
    await drain.run(() => clock.step(), {
      onIdle: () => {
        asked += 1;
        return text === '' && asked < 1000 ? 'again' : 'end';
      },
    });
    expect(text).toContain('with nothing pending lets real I/O');
    expect(clock.now()).toBe(2);
  });

  test('with nothing pending and no caller callback ends after two more turns', async () => {
    let steps = 0;
    const turns: number[] = [];
    await drain.run(
      () => {
        steps += 1;
        return steps === 1;
      },
      { onTurn: () => turns.push(steps) },
    );
    expect(turns).toEqual([0, 2, 3]);
  });

  test('counts the turns with nothing pending anew after each event', async () => {
    const results = [false, true, false, false];
    let turns = 0;
    await drain.run(() => results.shift() ?? false, { onTurn: () => (turns += 1) });
    expect(turns).toBe(4);
  });

  test.for(['step', 'onTurn', 'onTurnEnd', 'nextTurn', 'onIdle'])(
    'rejects with what %s throws, and leaves nothing behind',
    async (who) => {
      const bad = new TypeError(`bad ${who}`);
      const throwIf = (name: string): void => {
        if (name === who) throw bad;
      };
      let steps = 0;
      const run = drain.run(
        () => {
          steps += 1;
          if (steps === 3) throwIf('step');
          return steps < 5;
        },
        {
          stepsPerTurn: 2,
          onTurn: () => throwIf('onTurn'),
          onTurnEnd: () => throwIf('onTurnEnd'),
          nextTurn: (turn, isFirst) => {
            if (!isFirst) throwIf('nextTurn');
            setImmediate(turn);
          },
          onIdle: () => {
            throwIf('onIdle');
            return 'end';
          },
        },
      );
      await expect(run).rejects.toBe(bad);
      const stepsThen = steps;
      await nextTurn();
      await nextTurn();
      expect(steps).toBe(stepsThen);
      expect(process.nextTick).toBe(nextTick);
    },
  );

  test.for([
    ['a promise', Promise.resolve(true), 'a Promise'],
    ['undefined', undefined, 'undefined'],
    ['a word', 'end', '"end"'],
  ] as const)(
    'rejects with what was expected if a step returns %s, and takes no other',
    async ([, wrong, got]) => {
      let steps = 0;
      const run = drain.run(() => {
        steps += 1;
        return wrong as unknown as boolean;
      });
      await expect(run).rejects.toMatchObject({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: `what step returned: expected true, false or 'stop', got ${got}`,
      });
      await nextTurn();
      expect(steps).toBe(1);
      expect(process.nextTick).toBe(nextTick);
    },
  );

  test.for([0, -1, NaN])('refuses %s steps per turn', async (stepsPerTurn) => {
    await expect(drain.run(() => 'stop', { stepsPerTurn })).rejects.toMatchObject({
      code: 'RUNNER_INVALID_ARGUMENT',
      message: `hooks.stepsPerTurn: expected a number ≥ 1, got ${stepsPerTurn}`,
    });
  });
});

describe('a tick that throws', () => {
  let others: NodeJS.UncaughtExceptionListener[] = [];
  beforeEach(() => {
    others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
  });
  afterEach(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of others) process.on('uncaughtException', listener);
  });

  test.each(drains)('is an uncaught exception under the $name drain, and the run goes on', async (drain) => {
    const uncaught: unknown[] = [];
    process.on('uncaughtException', (error) => uncaught.push(error));
    const clock = createVirtualClock();
    const bad = new Error('bad tick');
    const order: string[] = [];
    clock.timer('first', 1, () => {
      process.nextTick(() => {
        throw bad;
      });
      void Promise.resolve().then(() => order.push('reaction'));
      process.nextTick(() => order.push('tick'));
    });
    clock.timer('second', 2, () => order.push('second'));
    await drain.run(() => clock.step());
    expect(uncaught).toEqual([bad]);
    expect(order).toEqual(['tick', 'reaction', 'second']);
    expect(process.nextTick).toBe(nextTick);
  });

  test.each(drains)(
    'under the $name drain lets runs beside it go on, and what was replaced comes back',
    async (drain) => {
      const uncaught: unknown[] = [];
      process.on('uncaughtException', (error) => uncaught.push(error));
      const runs = [1, 2, 3].map(async (everyMs) => {
        const clock = createVirtualClock();
        const seen: boolean[] = [];
        for (let i = 0; i < 4; i++) {
          let isDone = false;
          clock.timer('tick', i * everyMs, () => {
            process.nextTick(
              () => void Promise.resolve().then(() => process.nextTick(() => (isDone = true))),
            );
            process.nextTick(() => {
              throw new Error('bad tick');
            });
          });
          clock.endOfInstant('check', i * everyMs, () => seen.push(isDone));
        }
        await drain.run(() => clock.step());
        return seen;
      });
      expect(await Promise.all(runs)).toEqual([1, 2, 3].map(() => [true, true, true, true]));
      expect(uncaught).toHaveLength(12);
      expect(process.nextTick).toBe(nextTick);
    },
  );
});

test('resources are listed by kind, and earlier ones are set apart', async () => {
  const before = activeResources();
  expect(before).toEqual([...before].sort());
  const timers = [setTimeout(() => {}, 1000), setTimeout(() => {}, 1000)];
  const immediate = setImmediate(() => {});
  expect(resourcesSince(before)).toEqual(['Immediate', 'Timeout', 'Timeout']);
  expect(resourcesSince([...before, 'Timeout'])).toEqual(['Immediate', 'Timeout']);
  timers.forEach((timer) => clearTimeout(timer));
  clearImmediate(immediate);
  expect(resourcesSince(before)).toEqual([]);
});
