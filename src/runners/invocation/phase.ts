/** The contract of one phase of an invocation. Phases answer now where they can: a promise costs an event (architecture: Invoker). */
import type { MaybePromise } from '../../model/maybe-promise.ts';
import type { RunContext } from './run-context.ts';

/** One step of a run's life. What `begin` throws or rejects with fails the run if it happens before the process has ended. */
export interface Phase {
  /**
   * True if this run has nothing to do here, because there is no collaborator for it; then the phase leaves no trace. Absent: there
   * always is something to do.
   */
  isIdle?(run: RunContext): boolean;
  begin(run: RunContext): MaybePromise<void>;
  /** Within this many milliseconds of a stop the phase is over, or its collaborator is given up (R106, R199). */
  boundMs(run: RunContext): number;
  /** Records what is given up when the bound has passed. */
  abandon(run: RunContext): void;
}
