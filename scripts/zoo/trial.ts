// What a table consists of: one hunt of one strategy from one cold start, without shrinking. Invariant: plain data, as it goes between
// processes.

/** The column of fast-check's own scheduler, which is no strategy of dryrunner. */
export const FAST_CHECK = 'fast-check';

/** A hunt to come. */
export interface TrialPlan {
  /** A name of `createStrategy`, or {@link FAST_CHECK}. */
  readonly strategy: string;
  /** The first indices of its executions, in the order in which they are run; from 0 on if absent. */
  readonly order?: readonly number[];
  readonly seed: string;
  readonly executions: number;
  readonly timeMs: number;
}

/** What a process that hunts is given. */
export interface TrialTask {
  /** Of the copy of the package. */
  readonly folder: string;
  readonly scenario: string;
  readonly plans: readonly TrialPlan[];
}

/** How a hunt of the table ended. */
export interface Trial {
  /** Absent if the strategy cannot express the scenario, or its process has died and nothing else can make the hunt. */
  readonly found?: boolean;
  /** Until the failure, or until the hunt was given up. */
  readonly executions: number;
  /** What went wrong, in one sentence. */
  readonly sentence: string;
  /** True if a process died, or was killed, before it reported how the hunt ended. */
  readonly hasDied?: boolean;
}

/** True if something was explored to its end, and nothing was found. */
export function isHeld({ found, executions, hasDied = false }: Omit<Trial, 'sentence'>): boolean {
  return found === false && executions > 0 && !hasDied;
}
