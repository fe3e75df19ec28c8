/**
 * Times are whole microseconds inside and milliseconds outside. Invariant: converting there and back gives the same
 * value, and differences are exact.
 */

/** Whole microseconds of a time in milliseconds. */
export function microsecondsOf(ms: number): number {
  return Math.round(ms * 1_000);
}

/** Rounds to whole microseconds, to remove the residue of a sum or a difference. */
export function roundedMs(ms: number): number {
  return microsecondsOf(ms) / 1_000;
}

/** Milliseconds between two times, exact to the microsecond. */
export function millisecondsBetween(startMs: number, endMs: number): number {
  return (microsecondsOf(endMs) - microsecondsOf(startMs)) / 1_000;
}

/** The longest time that a file may hold: a hundred years, which microseconds still represent exactly. */
export const TIME_MS_MAX = 3_155_760_000_000;
