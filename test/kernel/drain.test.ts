import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sleep } from '../../src/kernel/clock.ts';
import { chooseDrain } from '../../src/kernel/drain.ts';
import { documentedDrain } from '../../src/kernel/drain-documented.ts';
import { fastDrain } from '../../src/kernel/drain-fast.ts';
import type { Drain } from '../../src/kernel/drain-run.ts';
import { isFastDrainExact } from '../../src/kernel/drain-fast.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import { expectedOrder, programs, start } from './drain-program.ts';
import type { Node } from './drain-program.ts';

const drains: readonly Drain[] = [fastDrain as Drain, documentedDrain];
const { nextTick } = process;

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function playedOrder(drain: Drain, program: readonly Node[], stepsPerTurn?: number): Promise<string[]> {
  const clock = createVirtualClock();
  const order: string[] = [];
  start(clock, program, (path) => order.push(path));
  await drain.run(() => clock.step(), stepsPerTurn === undefined ? {} : { stepsPerTurn });
  return order;
}

/** Whether a flag that `arm` sets by some detour is set before the next event fires. */
async function isDoneBeforeNextEvent(drain: Drain, arm: (done: () => void) => void): Promise<boolean> {
  const clock = createVirtualClock();
  let isDone = false;
  let seen = false;
  clock.timer('first', 1, () => arm(() => void (isDone = true)));
  clock.timer('second', 1, () => void (seen = isDone));
  await drain.run(() => clock.step());
  return seen;
}

function chain(length: number, done: () => void): void {
  let promise = Promise.resolve();
  for (let i = 0; i < length; i++) promise = promise.then(() => {});
  void promise.then(done);
}

/** Each link is a tick, and the next one is asked for in a reaction of it. */
function zigzag(length: number, done: () => void): void {
  if (length === 0) done();
  else process.nextTick(() => void Promise.resolve().then(() => zigzag(length - 1, done)));
}

async function doneAfterAwaits(done: () => void): Promise<void> {
  for (let i = 0; i < 3; i++) await Promise.resolve();
  done();
}

describe('choosing a drain', () => {
  test('takes the fast one where it works, and any by name', () => {
    expect(fastDrain?.name).toBe('fast');
    expect(chooseDrain('fast')).toBe(fastDrain);
    expect(chooseDrain('documented')).toBe(documentedDrain);
    expect(chooseDrain().name).toBe('fast');
    expect(chooseDrain('auto')).toBe(chooseDrain());
    expect(() => chooseDrain('slow' as never)).toThrow(
      expect.objectContaining({
        code: 'RUNNER_INVALID_ARGUMENT',
        message: 'drain: expected "auto", "fast" or "documented", got "slow"',
      }),
    );
  });

  test('the fast drain is found exact outside of promise reactions', async () => {
    await nextTurn();
    const found = await new Promise((resolve) => {
      setImmediate(() => resolve(isFastDrainExact()));
    });
    expect(found).toBe(true);
  });

  test('auto runs', async () => {
    const clock = createVirtualClock();
    const slept = sleep(clock, 5);
    await chooseDrain('auto').run(() => clock.step());
    await slept;
    expect(clock.now()).toBe(5);
  });
});

describe.each(drains)('the $name drain', (drain) => {
  test('plays random programs of awaits, ticks and timers as the model of the event loop does', async () => {
    await fc.assert(
      fc.asyncProperty(programs, fc.option(fc.integer({ min: 1, max: 3 })), async (program, stepsPerTurn) => {
        expect(await playedOrder(drain, program, stepsPerTurn ?? undefined)).toEqual(expectedOrder(program));
      }),
      { numRuns: 300 },
    );
  });

  test.for<[string, (done: () => void) => void]>([
    ['a reaction', (done) => chain(0, done)],
    ['a chain of 1000 reactions', (done) => chain(1000, done)],
    ['a tick', (done) => process.nextTick(done)],
    ['a tick with arguments', (done) => process.nextTick((call: () => void) => call(), done)],
    ['the reactions of a tick', (done) => process.nextTick(() => chain(10, done))],
    ['a tick of a reaction', (done) => void Promise.resolve().then(() => process.nextTick(done))],
    ['50 ticks, each of a reaction of the one before', (done) => zigzag(50, done)],
    ['an async function with awaits', (done) => void doneAfterAwaits(done)],
  ])('waits for %s before the next event', async ([, arm]) => {
    expect(await isDoneBeforeNextEvent(drain, arm)).toBe(true);
  });

  test('begins in a turn of its own, after everything already queued', async () => {
    const order: string[] = [];
    chain(20, () => order.push('reactions'));
    process.nextTick(() => order.push('tick'));
    const run = drain.run(() => {
      order.push('step');
      return 'stop';
    });
    order.push('caller');
    await run;
    expect(order.splice(1, 2).sort()).toEqual(['reactions', 'tick']);
    expect(order).toEqual(['caller', 'step']);
  });

  test('runs beside and inside another one, each in its own order', async () => {
    const program: Node[] = [0, 1, 2, 3].map((amount) => ({
      way: 'timer',
      amount,
      children: [{ way: 'tick', amount: 0, children: [{ way: 'reaction', amount, children: [] }] }],
    }));
    const expected = expectedOrder(program);
    const beside = await Promise.all([1, 2, 3].map((steps) => playedOrder(drain, program, steps)));
    expect(beside).toEqual([expected, expected, expected]);
    const clock = createVirtualClock();
    let inner: string[] = [];
    clock.timer('outer', 1, () => {
      void playedOrder(drain, program).then((order) => {
        inner = order;
        clock.timer('after the inner run', 1, () => {});
      });
    });
    await drain.run(() => clock.step(), { onIdle: () => (clock.fired < 2 ? 'again' : 'end') });
    expect(inner).toEqual(expected);
    expect(process.nextTick).toBe(nextTick);
  });

  test('runs 200,000 awaited sleeps to the end', async () => {
    const clock = createVirtualClock();
    let woken = 0;
    const sleeper = async (every: number): Promise<void> => {
      for (let i = 0; i < 4000; i++) {
        await sleep(clock, every);
        await Promise.resolve();
        woken += 1;
      }
    };
    for (let i = 1; i <= 50; i++) void sleeper(i);
    await drain.run(() => clock.step());
    expect(woken).toBe(200_000);
    expect(clock.now()).toBe(200_000);
  });
});

describe('the documented drain and process.nextTick', () => {
  test('counts ticks only while a burst runs', async () => {
    const clock = createVirtualClock();
    const seen: boolean[] = [];
    clock.timer('t', 1, () => seen.push(process.nextTick === nextTick));
    await documentedDrain.run(() => clock.step(), {
      onTurn: () => seen.push(process.nextTick === nextTick),
      onIdle: () => {
        seen.push(process.nextTick === nextTick);
        return 'end';
      },
    });
    expect(seen).toEqual([true, false, true, true, true]);
    expect(process.nextTick).toBe(nextTick);
  });

  test('leaves a later replacement in place', async () => {
    const clock = createVirtualClock();
    const calls: unknown[] = [];
    let fired = false;
    clock.timer('replace', 1, () => {
      const under = process.nextTick;
      process.nextTick = ((...args: Parameters<typeof nextTick>) => {
        calls.push(args[0]);
        under(...args);
      }) as typeof nextTick;
      process.nextTick(() => void (fired = true));
    });
    await documentedDrain.run(() => clock.step());
    try {
      expect(process.nextTick).not.toBe(nextTick);
      expect(fired).toBe(true);
      expect(calls).toHaveLength(1);
      expect(await isDoneBeforeNextEvent(documentedDrain, (done) => zigzag(3, done))).toBe(true);
    } finally {
      process.nextTick = nextTick;
    }
  });
});
