/**
 * By how much a timer of the machine may be early, since clocks round: a lower bound of a time allows for that much.
 */
export const CLOCK_ROUNDING_MS = 2;
