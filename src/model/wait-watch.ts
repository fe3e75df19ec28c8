/** Ongoing waits. They are not in the trace, since most end soon; their sources are asked when a report is made. */

/** A wait that has not ended. */
export interface OngoingWait {
  readonly owner: string;
  /** What is awaited, as a noun: `the answer to acquire(7)`. */
  readonly name: string;
  /** Who is expected to end it, if known. */
  readonly from?: string;
  readonly sinceMs: number;
  /** What should have ended it, if known: `an answer at 20 ms, when run 0 was over (R31)`. */
  readonly expected?: string;
  /** Where it began, if places are captured. */
  readonly place?: Error | undefined;
}

/** Collects sources of waits for its reports. */
export interface WaitWatch {
  /** True if a wait should capture the place where it begins. */
  readonly capturesPlaces: boolean;
  /** Adds a source that is asked in every later report. */
  add(source: () => Iterable<OngoingWait>): void;
}
