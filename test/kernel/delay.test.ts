import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createSystemClock } from '../../src/host/system-clock.ts';
import { sleep, type Clock } from '../../src/kernel/clock.ts';
import { delayUsOf, timeLeftMs } from '../../src/kernel/delay.ts';
import { skewedClock } from '../../src/kernel/skewed-clock.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';
import { NodeClock } from '../../src/simulation/node-clock.ts';

afterEach(() => {
  vi.useRealTimers();
});

describe('N9: a positive delay never becomes 0', () => {
  const fractions = fc.double({ min: 0, max: 3, noNaN: true });

  test.for([
    ['the virtual clock', (clock: Clock) => clock],
    ['a slow clock', (clock: Clock) => skewedClock(clock, { driftPpm: -500_000, offsetMs: 0.3 })],
    ['a fast clock', (clock: Clock) => skewedClock(clock, { driftPpm: 1_000_000, offsetMs: -7 })],
    ['the clock of a node', (clock: Clock) => new NodeClock(clock, () => undefined)],
  ] as const)('property: waiting for the rest of a time reaches it, on %s', async ([, on]) => {
    await fc.assert(
      fc.asyncProperty(fractions, fractions, async (startMs, ms) => {
        const virtual = createVirtualClock();
        await virtual.advanceBy(startMs);
        const clock = on(virtual);
        const untilMs = clock.now() + ms;
        let sleeps = 0;
        const waits = async (): Promise<void> => {
          while (untilMs - clock.now() > 0 && sleeps < 10) {
            sleeps += 1;
            await sleep(clock, untilMs - clock.now());
          }
        };
        const waited = waits();
        await virtual.runUntilIdle();
        await waited;
        expect(sleeps).toBeLessThan(4);
        expect(clock.now() - untilMs).toBeLessThan(0.003);
      }),
    );
  });

  test('on the system clock, where other due events come first', () => {
    vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'],
    });
    const clock = createSystemClock();
    const fired: string[] = [];
    clock.timer('later', 1e-9, () => fired.push('later'));
    clock.post('now', () => fired.push('now'));
    vi.advanceTimersByTime(10);
    expect(fired).toEqual(['now', 'later']);
  });

  test('other delays are rounded to the nearest microsecond, and 0 stays 0', () => {
    const delays = [0, 1e-300, 0.0004, 0.0014, 0.0016, 1.0004, 3.0005].map(delayUsOf);
    expect(delays).toEqual([0, 1, 1, 1, 2, 1_000, 3_001]);
  });

  test('a rounding remainder of two times is no delay when a node resumes', () => {
    const clock = createVirtualClock();
    const node = new NodeClock(clock, () => undefined);
    clock.timer('the instant', 0.1, () => undefined);
    clock.step();
    node.timer('due at 0.3', 0.2, () => undefined);
    node.stop();
    clock.timer('the next instant', 0.2, () => undefined);
    clock.step();
    node.resume();
    expect([0.1 + 0.2 - 0.3 > 0, clock.nextTimeUs]).toEqual([true, 300]);
  });
});

describe('what is left of a time', () => {
  test('property: it is 0 exactly when a timer of that time has fired, and never finer than a microsecond', () => {
    const us = fc.integer({ min: 0, max: 60_000_000 });
    fc.assert(
      fc.property(us, us, us, (startUs, limitUs, elapsedUs) => {
        const left = timeLeftMs(limitUs / 1_000, startUs / 1_000, (startUs + elapsedUs) / 1_000);
        expect(left).toBe(Math.max(0, limitUs - elapsedUs) / 1_000);
      }),
    );
  });

  test('a limit counts as a timer of it does, and one without end stays so', () => {
    expect(17.499 - 12.499).toBeLessThan(5);
    const left = [timeLeftMs(5, 12.499, 17.499), timeLeftMs(1e-9, 3, 3), timeLeftMs(Infinity, 3, 7)];
    expect(left).toEqual([0, 0.001, Infinity]);
  });
});
