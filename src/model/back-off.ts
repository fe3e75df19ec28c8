/** Exponential back-off between retries. Invariant: the wait doubles with each failure, up to 10 s. */

const FIRST_MS = 100;
/** Upper limit of the wait. */
export const LONGEST_BACK_OFF_MS = 10_000;

/** The wait after the given number of failures in a row, 1 or more. */
export function backOffMs(failures: number): number {
  return Math.min(LONGEST_BACK_OFF_MS, FIRST_MS * 2 ** (failures - 1));
}
