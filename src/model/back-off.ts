/** How long to wait before something that failed is tried again. Invariant: twice as long each time, and at most 10 s. */

const FIRST_MS = 100;
/** No wait is longer. */
export const LONGEST_BACK_OFF_MS = 10_000;

/** The wait after so many failures, 1 or more. */
export function backOffMs(failures: number): number {
  return Math.min(LONGEST_BACK_OFF_MS, FIRST_MS * 2 ** (failures - 1));
}
