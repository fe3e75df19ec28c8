/** The limit of 32-bit integers, and of what Node counts in them. */

/** The largest signed 32-bit integer. */
export const INT32_MAX: number = 2 ** 31 - 1;

/** The longest delay of a timer of Node, in milliseconds: a longer one fires after 1 ms. */
export const TIMER_MS_MAX: number = INT32_MAX;
