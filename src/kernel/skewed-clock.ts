/**
 * The clock of one machine: another clock that is off by a constant and runs fast or slow. Invariants: its time never goes back, and
 * when a timer of it fires, the time that the timer was to wait for has passed on it.
 */
import * as is from './shape.ts';
import type { Clock, Timer } from './clock.ts';
import { delayUsOf, LAST_TIME_US } from './delay.ts';
import type { Label } from './question.ts';
import { microsecondsOf } from './microseconds.ts';
import { check } from './argument-check.ts';

/** How far a clock is off. */
export interface ClockSkew {
  /** How far it is ahead at time 0, in milliseconds; negative is behind. Default 0. */
  readonly offsetMs?: number;
  /** How much it gains, in microseconds per second; negative loses. Default 0. */
  readonly driftPpm?: number;
}

const PARTS = 1_000_000;
/** Half and double speed. */
const SLOWEST_PPM = -500_000;
const FASTEST_PPM = 1_000_000;
/** Some thirty years: with more, microseconds could not be distinguished any more. */
const OFFSET_MS_MAX = 1e12;

/** How far a clock may be off. */
export const CLOCK_SKEW: is.RecordShape = is.objectOf<ClockSkew>(
  'an object with offsetMs and driftPpm',
  {},
  { offsetMs: is.finite(-OFFSET_MS_MAX, OFFSET_MS_MAX), driftPpm: is.finite(SLOWEST_PPM, FASTEST_PPM) },
);

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

  /** Whole microseconds, never fewer at a later time. */
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
    // Beyond it there is no next microsecond; the clock behind takes any longer delay for its end.
    if (!(dueUs < LAST_TIME_US)) return LAST_TIME_US;
    // At great times the division is off by one or two.
    while (this.#shownUs(dueUs - 1) >= untilUs) dueUs -= 1;
    while (this.#shownUs(dueUs) < untilUs) dueUs += 1;
    return Math.max(0, dueUs - fromUs) / 1_000;
  }
}

/** How long `ms` of that clock take on the one behind it, if it is a skewed one. */
export function trueDelayMs(clock: Clock, ms: number): number {
  return clock instanceof SkewedClock ? clock.trueMs(ms) : ms;
}

/**
 * Makes a clock that shows `clock`'s time with an error. Dates are off as well: `epochMs` is the same, so that `epochMs + now()` is what
 * the machine takes for the date. With a negative offset it begins below 0.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless the offset is at most 10¹² (some thirty years) either way and the drift from −500,000 (half
 * speed) to 1,000,000 (double speed).
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
