/**
 * Finds what takes turns in a list: a group of a few items that comes again and again, in the same order. Invariant: a group is as short as it can
 * be, and what is looked at is only the group around one place.
 */

/** More lines than these are not seen as one thing. */
const PERIOD_MAX = 4;
/** Two of a kind may be a coincidence. */
const TIMES_MIN = 3;

/** A group that comes again and again. */
export interface RepeatedGroup {
  /** Position of its first item, the first time. */
  readonly from: number;
  /** Number of items of the group, at least 2. */
  readonly period: number;
  /** How many times it comes in whole. */
  readonly times: number;
}

/**
 * The group that the item at that position belongs to; undefined if nothing takes turns there, or if the item comes after the last whole group.
 *
 * @param isAlike compares the items at two positions.
 */
export function repeatedGroupAt(
  position: number,
  length: number,
  isAlike: (one: number, other: number) => boolean,
): RepeatedGroup | undefined {
  for (let period = 2; period <= PERIOD_MAX; period++) {
    const recurs = (at: number): boolean => at >= 0 && at + period < length && isAlike(at, at + period);
    // The first position at which the item, or the one a period before it, recurs.
    const seed = recurs(position) ? position : recurs(position - period) ? position - period : undefined;
    if (seed === undefined) continue;
    let [from, last] = [seed, seed];
    while (recurs(from - 1)) from -= 1;
    while (recurs(last + 1)) last += 1;
    // What is alike is one line by itself.
    const isOne = Array.from({ length: period }, (_, at) => from + at).some((at) => isAlike(at, at + 1));
    if (isOne) continue;
    const times = Math.floor((last - from + 1) / period) + 1;
    if (times < TIMES_MIN) continue;
    return position < from + period * times ? { from, period, times } : undefined;
  }
  return undefined;
}
