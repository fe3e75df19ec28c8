/**
 * The contract of one phase of an invocation. Phases return synchronously where they can: a promise costs an event
 * (architecture: Invoker).
 */
import type { MaybePromise } from '../../model/maybe-promise.ts';
import type { RunContext } from './run-context.ts';

/** One step of a run's life. If `begin` throws or rejects before the process has ended, the run fails. */
export interface Phase {
  /**
   * True if the phase has nothing to do in this run, because it has no collaborator for it; then the phase leaves no
   * trace. If absent, there always is something to do.
   */
  isIdle?(run: RunContext): boolean;
  begin(run: RunContext): MaybePromise<void>;
  /** Within this many milliseconds of a stop the phase ends, or its collaborator is abandoned (R106, R199). */
  boundMs(run: RunContext): number;
  /** Records what is abandoned when the bound has passed. */
  abandon(run: RunContext): void;
}
