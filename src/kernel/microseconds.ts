/** Times are whole microseconds inside and milliseconds outside. Invariant: what goes there and back is the same, and differences are exact. */

/** Whole microseconds of a time in milliseconds. */
export function microsecondsOf(ms: number): number {
  return Math.round(ms * 1_000);
}

/** Milliseconds without what is finer than a microsecond, such as what is left of a sum or a difference. */
export function roundedMs(ms: number): number {
  return microsecondsOf(ms) / 1_000;
}

/** Milliseconds between two times, exact to the microsecond. */
export function millisecondsBetween(startMs: number, endMs: number): number {
  return (microsecondsOf(endMs) - microsecondsOf(startMs)) / 1_000;
}

/** The longest time that a file may hold: a hundred years, which microseconds still count exactly. */
export const TIME_MS_MAX = 3_155_760_000_000;
