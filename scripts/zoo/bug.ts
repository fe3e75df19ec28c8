// What a bug of the zoo is: a mutation of a few lines that brings one known defect back, and the scenario that has to find it.

/** Replaces a text that occurs exactly once in a file. */
export interface Edit {
  /** From the root of the checkout, such as `src/runners/queue/queue-runner.ts`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** One planted bug. */
export interface Bug {
  /** `D25` for a defect of docs/defects.md, `D43b` for a second form of one, `classic-…` for what schedulers get wrong. */
  readonly id: string;
  /** What is wrong, in one line. */
  readonly title: string;
  /** The file below sims/zoo, without its ending, that holds the scenario. */
  readonly scenario: string;
  /**
   * Why the scenario knows the bug: it gives the one input, sets the one option, takes the one step or makes the one check that nobody
   * would write who has not heard of the bug. Absent if it does not.
   */
  readonly knows?: string;
  /** All in one or several files; together they plant the one bug. */
  readonly edits: readonly Edit[];
}

/** A defect that no simulation can show, and why. */
export interface LeftOut {
  readonly id: string;
  readonly reason: string;
}
