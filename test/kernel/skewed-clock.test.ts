import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sleep } from '../../src/kernel/clock.ts';
import { skewedClock } from '../../src/kernel/skewed-clock.ts';
import { createVirtualClock } from '../../src/kernel/virtual-clock.ts';

const drifts = fc.integer({ min: -500_000, max: 1_000_000 });
const offsets = fc.integer({ min: -10_000_000, max: 10_000_000 }).map((us) => us / 1_000);
/** Up to 35 years, where a division of microseconds is no longer exact. */
const starts = fc.nat(0x7fff_ffff).map((k) => (k * 2 ** 19) / 1_000);
const delays = fc.nat(10_000_000).map((us) => us / 1_000);

describe('a skewed clock', () => {
  test('property: its time never goes back, and differs by offset and drift', async () => {
    await fc.assert(
      fc.asyncProperty(
        offsets,
        drifts,
        fc.array(delays, { maxLength: 8 }),
        async (offsetMs, driftPpm, steps) => {
          const clock = createVirtualClock();
          const skewed = skewedClock(clock, { offsetMs, driftPpm });
          let last = skewed.now();
          expect(last).toBeCloseTo(offsetMs, 3);
          for (const ms of steps) {
            await clock.advanceBy(ms);
            const now = skewed.now();
            expect(now).toBeGreaterThanOrEqual(last);
            expect(Math.abs(now - (offsetMs + clock.now() * (1 + driftPpm / 1e6)))).toBeLessThan(0.002);
            last = now;
          }
        },
      ),
    );
  });

  test('property: a timer fires at the first microsecond at which its time has passed on the clock itself', async () => {
    await fc.assert(
      fc.asyncProperty(
        offsets,
        drifts,
        fc.oneof(delays, starts),
        delays,
        async (offsetMs, driftPpm, beforeMs, ms) => {
          const clock = createVirtualClock();
          const skewed = skewedClock(clock, { offsetMs, driftPpm });
          await clock.advanceBy(beforeMs);
          const [start, trueStart] = [skewed.now(), clock.now()];
          const slept = sleep(skewed, ms);
          let late = NaN;
          skewed.endOfInstant('late', ms, () => (late = clock.now()));
          await clock.runUntilIdle();
          await slept;
          expect(Math.round((skewed.now() - start - ms) * 1_000)).toBeGreaterThanOrEqual(0);
          expect(late).toBe(clock.now());
          const elapsedUs = Math.round((clock.now() - trueStart) * 1_000);
          const sooner = createVirtualClock();
          const other = skewedClock(sooner, { offsetMs, driftPpm });
          await sooner.advanceBy(beforeMs);
          if (elapsedUs === 0) return;
          await sooner.advanceBy((elapsedUs - 1) / 1_000);
          expect(Math.round((other.now() - start - ms) * 1_000)).toBeLessThan(0);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test('without skew it is the clock, posts and dates included', () => {
    const clock = createVirtualClock({ epochMs: 7 });
    const same = skewedClock(clock);
    const fired: string[] = [];
    same.timer('b', 2, () => fired.push('b'));
    same.timer('never', 1, () => fired.push('never')).cancel();
    same.post('a', () => fired.push('a'));
    while (clock.step());
    expect([fired, same.now(), same.epochMs]).toEqual([['a', 'b'], 2, 7]);
  });

  test.for([
    [
      { offsetMs: NaN },
      /skew.offsetMs: expected a finite number from -1000000000000 to 1000000000000, got NaN/,
    ],
    [{ offsetMs: 1e13 }, /offsetMs: expected/],
    [{ driftPpm: -500_001 }, /driftPpm: expected a finite number from -500000 to 1000000/],
    [{ driftPpm: Infinity }, /driftPpm: expected/],
    ['fast', /skew: expected an object/],
    [
      { drftPpm: 7 },
      /skew: expected only the fields offsetMs, driftPpm, got a field "drftPpm"; the nearest is driftPpm/,
    ],
  ] as const)('the skew %o is refused', ([skew, text]) => {
    expect(() => skewedClock(createVirtualClock(), skew as never)).toThrow(text);
    expect(() => skewedClock(createVirtualClock()).timer('x', -1, () => undefined)).toThrow(/ms: expected/);
  });

  test.for([Number.MAX_SAFE_INTEGER, 1e300])('a timer of %d ms fires at the end of time', (ms) => {
    const clock = createVirtualClock();
    let fired = false;
    skewedClock(clock, { driftPpm: 7 }).timer('late', ms, () => (fired = true));
    expect([clock.step(), fired, clock.nowUs]).toEqual([true, true, Number.MAX_SAFE_INTEGER]);
  });
});
