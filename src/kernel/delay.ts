/** What a delay means on every clock. Invariant: a positive delay never becomes 0, or code that waits for what is left would never get there. */
import { invalidArgument } from './errors.ts';
import { microsecondsOf } from './microseconds.ts';

/** The end of the time that a clock can show in microseconds, 285 years after its start; what is longer than that fires there. */
export const LAST_TIME_US: number = Number.MAX_SAFE_INTEGER;

/**
 * The delay in whole microseconds: rounded, and a positive one at least 1.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `ms` is negative or not finite.
 */
export function delayUsOf(ms: number): number {
  if (!(typeof ms === 'number' && ms >= 0 && ms < Infinity)) {
    throw invalidArgument('ms', 'a finite number ≥ 0', ms);
  }
  const delayUs = microsecondsOf(ms);
  return delayUs === 0 && ms > 0 ? 1 : delayUs;
}

/**
 * What is left at `nowMs` of `limitMs` (may be `Infinity`) that began at `startMs`, in milliseconds. Exactly 0 from the microsecond on in
 * which a timer of `limitMs` would have fired: a difference of milliseconds that is not rounded can be slightly above 0 then, and a delay
 * of that is a microsecond.
 */
export function timeLeftMs(limitMs: number, startMs: number, nowMs: number): number {
  if (limitMs === Infinity) return Infinity;
  const goneUs = microsecondsOf(nowMs) - microsecondsOf(startMs);
  return Math.max(0, delayUsOf(limitMs) - goneUs) / 1_000;
}
