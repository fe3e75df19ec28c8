/**
 * The meaning of a delay on every clock. Invariant: a positive delay never becomes 0, or code that waits for the
 * remaining time would never get there.
 */
import { invalidArgument } from './errors.ts';
import { microsecondsOf } from './microseconds.ts';

/** The last time that a clock can show in microseconds, 285 years after its start; longer delays fire there. */
export const LAST_TIME_US: number = Number.MAX_SAFE_INTEGER;

/**
 * Converts a delay to whole microseconds: rounded, and at least 1 if positive.
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
 * The milliseconds left at `nowMs` of a limit of `limitMs` (may be `Infinity`) that began at `startMs`. Exactly 0 from
 * the microsecond in which a timer of `limitMs` would have fired: without rounding, the difference in milliseconds can
 * be slightly above 0 then, and would become a delay of a microsecond.
 */
export function timeLeftMs(limitMs: number, startMs: number, nowMs: number): number {
  if (limitMs === Infinity) return Infinity;
  const elapsedUs = microsecondsOf(nowMs) - microsecondsOf(startMs);
  return Math.max(0, delayUsOf(limitMs) - elapsedUs) / 1_000;
}
