/**
 * Finds alternating items in a list: a group of a few items that repeats in the same order. Invariant: a group is as
 * short as possible, and only the group around one position is examined.
 */

/** A reader does not recognize longer groups. */
const PERIOD_MAX = 4;
/** Two repetitions may be a coincidence. */
const TIMES_MIN = 3;

/** A group of items that repeats. */
export interface RepeatedGroup {
  /** Position of the first item of the first repetition. */
  readonly from: number;
  /** Number of items of the group, at least 2. */
  readonly period: number;
  /** Number of complete repetitions. */
  readonly times: number;
}

/**
 * The group that the item at that position belongs to; undefined if nothing alternates there, or if the item comes
 * after the last complete repetition.
 *
 * @param isAlike compares the items at two positions; false if one of them is outside of the list. No item is like the
 *   next one.
 */
export function repeatedGroupAt(
  position: number,
  isAlike: (one: number, other: number) => boolean,
): RepeatedGroup | undefined {
  for (let period = 2; period <= PERIOD_MAX; period++) {
    const recurs = (at: number): boolean => isAlike(at, at + period);
    // The first position at which the item, or the one a period before it, recurs.
    const seed = recurs(position) ? position : recurs(position - period) ? position - period : undefined;
    if (seed === undefined) continue;
    let [from, last] = [seed, seed];
    while (recurs(from - 1)) from -= 1;
    while (recurs(last + 1)) last += 1;
    const times = Math.floor((last - from + 1) / period) + 1;
    if (times < TIMES_MIN) continue;
    return position < from + period * times ? { from, period, times } : undefined;
  }
  return undefined;
}
