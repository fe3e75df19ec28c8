/** Waits that are in no trace, since most end soon: who knows of them is asked when somebody reports. */

/** Somebody waits for something. */
export interface OngoingWait {
  readonly owner: string;
  /** What is awaited, as a noun: `the answer to acquire(7)`. */
  readonly name: string;
  /** Who is to end it, if somebody is known to be. */
  readonly from?: string;
  readonly sinceMs: number;
  /** What should have ended it, if that is known: `an answer at 20 ms, when run 0 was over (R31)`. */
  readonly expected?: string;
  /** Where it began, if places are captured. */
  readonly place?: Error | undefined;
}

/** Wants to know of waits when it reports. */
export interface WaitWatch {
  /** Whether a wait is to note where it began. */
  readonly capturesPlaces: boolean;
  /** Asks there from now on. */
  add(source: () => Iterable<OngoingWait>): void;
}
