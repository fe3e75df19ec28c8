/** Which statuses are wanted, and how long to wait for them. */
import type { RunID } from './run-status.ts';
import type { StateMask } from './state-mask.ts';

/** A status matches if its state is in `states` and (`allRuns` or its id is listed) (R24). */
export interface Query {
  /** Ids to look at; each must be known (R26). Absent means none. */
  readonly runs?: readonly RunID[];
  /** Look at every run; with `runs` as well, listed ids must still be known. */
  readonly allRuns?: boolean;
  readonly states: StateMask;
}

/** How long to wait. `timeoutMs` 0 answers at once; `Infinity` waits for ever and sets no timer (R29–R34). */
export interface Wait {
  readonly timeoutMs: number;
  /** Ends the wait with `RUNNER_WAIT_CANCELLED` (R34). */
  readonly signal?: AbortSignal;
}
