// What goes between the hunt and a process that hunts in one copy of the package. Invariant: plain data.

/** The ways to hunt, in their order. */
export const WAYS = ['generic', 'shipped', 'conformance'] as const;

/** One of them. */
export type Way = (typeof WAYS)[number];

/** What a process that hunts is given. */
export interface TrialTask {
  readonly ways: readonly Way[];
  /** The folder that scenarios read files from. */
  readonly files: string;
  /** Of each exploration. */
  readonly seed: string;
  /** Time of the processor for each way; conformance ends by itself. */
  readonly seconds: number;
  /** False if the place of the mutant allows no counter of its executions. */
  readonly isCounted: boolean;
  /** For code that is meant to hold: so many executions of each scenario instead, and all cases. */
  readonly executions?: number;
}

/** How one way of hunting ended. */
export interface Trial {
  readonly way: Way;
  readonly found: boolean;
  /** The scenario, or the subject and the title of the case. */
  readonly by: string;
  /** First line of the failure. */
  readonly sentence: string;
  /** Of all scenarios together, or cases that were run. */
  readonly executions: number;
  /** Executions of the scenario that found it. */
  readonly ownExecutions: number;
  /** Of the processor. */
  readonly seconds: number;
  /** How often what was changed was executed; undefined where its place allows no counter, or it is executed as modules load. */
  readonly reached?: number;
}

/** What a process that hunts says, a line each. */
export type TrialLine =
  | { readonly type: 'loaded' }
  /** What follows next, so that it is known where the process hangs. */
  | { readonly type: 'at'; readonly way: Way; readonly by: string; readonly executions: number }
  | { readonly type: 'done'; readonly trial: Trial };
