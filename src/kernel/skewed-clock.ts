/**
 * The clock of one machine: another clock with a constant offset, running fast or slow. Invariants: its time never
 * decreases, and when one of its timers fires, the requested delay has passed on it.
 */
import * as is from './shape.ts';
import type { Clock, Timer } from './clock.ts';
import { delayUsOf, LAST_TIME_US } from './delay.ts';
import type { Label } from './question.ts';
import { microsecondsOf } from './microseconds.ts';
import { check } from './argument-check.ts';

/** How far a clock is off. */
export interface ClockSkew {
  /** How far it is ahead at time 0, in milliseconds; negative means behind. Default 0. */
  readonly offsetMs?: number;
  /** How much it gains, in microseconds per second; negative means it loses. Default 0. */
  readonly driftPpm?: number;
}

const PARTS = 1_000_000;
/** The limits of the drift: half and double speed. */
const SLOWEST_PPM = -500_000;
const FASTEST_PPM = 1_000_000;
/** Some thirty years: beyond that, microseconds are not representable. */
const OFFSET_MS_MAX = 1e12;

/** Argument shape of {@link ClockSkew}. */
export const CLOCK_SKEW: is.RecordShape = is.closed(
  is.objectOf<ClockSkew>(
    'an object with offsetMs and driftPpm',
    {},
    { offsetMs: is.finite(-OFFSET_MS_MAX, OFFSET_MS_MAX), driftPpm: is.finite(SLOWEST_PPM, FASTEST_PPM) },
  ),
);

/** Argument shapes of the largest offset and drift of a skew that may go either way. */
export const OFFSET_MS_LIMIT: is.NumberShape = is.finite(0, OFFSET_MS_MAX);
export const DRIFT_PPM_LIMIT: is.NumberShape = is.finite(0, Math.min(-SLOWEST_PPM, FASTEST_PPM));

class SkewedClock implements Clock {
  readonly epochMs: number;
  readonly #clock: Clock;
  readonly #offsetUs: number;
  readonly #driftPpm: number;

  constructor(clock: Clock, offsetMs: number, driftPpm: number) {
    this.epochMs = clock.epochMs;
    this.#clock = clock;
    this.#offsetUs = microsecondsOf(offsetMs);
    this.#driftPpm = driftPpm;
  }

  now(): number {
    return this.#shownUs(this.#trueUs()) / 1_000;
  }

  timer(label: Label, ms: number, fire: () => void): Timer {
    return this.#clock.timer(label, this.trueMs(ms), fire);
  }

  post(label: Label, fire: () => void): Timer {
    return this.#clock.post(label, fire);
  }

  endOfInstant(label: Label, ms: number, fire: () => void): Timer {
    return this.#clock.endOfInstant(label, this.trueMs(ms), fire);
  }

  #trueUs(): number {
    return microsecondsOf(this.#clock.now());
  }

  /** The shown time in whole microseconds; never decreases. */
  #shownUs(trueUs: number): number {
    return trueUs + this.#offsetUs + Math.floor((trueUs * this.#driftPpm) / PARTS);
  }

  /** The shortest true delay after which `ms` have passed on this clock. */
  trueMs(ms: number): number {
    check('ms', ms, is.DURATION_MS);
    if (ms === 0) return 0;
    const fromUs = this.#trueUs();
    const untilUs = this.#shownUs(fromUs) + delayUsOf(ms);
    let dueUs = Math.ceil(((untilUs - this.#offsetUs) * PARTS) / (PARTS + this.#driftPpm));
    // There is no next microsecond after that; the underlying clock fires longer delays at its end.
    if (!(dueUs < LAST_TIME_US)) return LAST_TIME_US;
    // For large times the division is off by one or two.
    while (this.#shownUs(dueUs - 1) >= untilUs) dueUs -= 1;
    while (this.#shownUs(dueUs) < untilUs) dueUs += 1;
    return Math.max(0, dueUs - fromUs) / 1_000;
  }
}

/** How long `ms` of `clock` take on its underlying clock, if it is skewed; else `ms`. */
export function trueDelayMs(clock: Clock, ms: number): number {
  return clock instanceof SkewedClock ? clock.trueMs(ms) : ms;
}

/**
 * Creates a clock that shows `clock`'s time with an error. Dates are off as well: `epochMs` is the same, so that
 * `epochMs + now()` is the date that the machine shows. With a negative offset it begins below 0.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless the offset is at most 10¹² (some thirty years) either way and
 * the drift from −500,000 (half speed) to 1,000,000 (double speed).
 * @example
 * ```ts
 * import { createVirtualClock } from 'dryrunner/kernel';
 * import { skewedClock } from 'dryrunner';
 * const clock = createVirtualClock();
 * const fast = skewedClock(clock, { offsetMs: 5_000, driftPpm: 100_000 });
 * fast.timer('eleven seconds of its own', 11_000, () => {});
 * clock.step();
 * if (clock.now() !== 10_000 || fast.now() !== 16_000) throw new Error('it gains a second in ten');
 * ```
 */
export function skewedClock(clock: Clock, skew: ClockSkew = {}): Clock {
  check('clock', clock, is.CLOCK);
  check('skew', skew, CLOCK_SKEW);
  const { offsetMs = 0, driftPpm = 0 } = skew;
  return new SkewedClock(clock, offsetMs, driftPpm);
}
