/**
 * The state of one invocation as plain data, and the events and effects of its reducer (`invocation-reducer.ts`). Invariant: only
 * the reducer makes a new state; only `invocation.ts` carries effects out.
 */
import type { ExitCode } from '../../model/exit-code.ts';
import type { ProcessStatus } from '../../model/execer.ts';
import type { InvocationPhase } from '../../model/trace-event.ts';

/** Why a run is being stopped, the first cause but for an abort, which replaces any other while it is in time (R108). */
export type StopCause = 'none' | 'abort' | 'deadline' | 'memory';

/** What the run will end as, once cleaned up. */
export interface Outcome {
  readonly state: 'COMPLETE' | 'FAILED' | 'ABORTED' | 'TIMEDOUT';
  readonly exitCode: ExitCode;
  readonly error: string;
  /** Whether the logs are uploaded (R115). */
  readonly uploads: boolean;
}

/**
 * Which phases there are beside the usual ones: on the Bazel path `lookup`, `prepare`, `collect` and `keep`; where logs are ingested (R198),
 * `collect`.
 */
export type InvocationPath = 'plain' | 'logs' | 'bazel';

/** Everything the reducer decides by. */
export interface InvocationState {
  readonly path: InvocationPath;
  readonly phase: InvocationPhase;
  readonly stop: StopCause;
  readonly outcome: Outcome | undefined;
  /** A stop was asked for: every phase from here on is held to its collaborator's bound (R199). */
  readonly hurried: boolean;
  /** Outputs may have been opened, so they must be closed. */
  readonly opened: boolean;
  /** A checkout is held and must be released. */
  readonly checkedOut: boolean;
}

/** The state before the first event. */
export const NEW_INVOCATION: InvocationState = Object.freeze({
  path: 'plain',
  phase: 'preprocess',
  stop: 'none',
  outcome: undefined,
  hurried: false,
  opened: false,
  checkedOut: false,
});

/** What can happen to an invocation. Events of a phase that is over are ignored. */
export type InvocationEvent =
  | { readonly type: 'done'; readonly phase: InvocationPhase }
  | {
      readonly type: 'failed';
      readonly phase: InvocationPhase;
      readonly exitCode: ExitCode;
      readonly error: string;
    }
  /** The look-up found a result: there is nothing to run (R186). */
  | { readonly type: 'cached'; readonly exitCode: ExitCode }
  | { readonly type: 'ended'; readonly status: ProcessStatus }
  | { readonly type: 'abort' }
  | { readonly type: 'deadline' }
  | { readonly type: 'memory' }
  /** The bound of the current phase passed and its collaborator has not come back. */
  | { readonly type: 'overdue'; readonly phase: InvocationPhase };

/**
 * What the interpreter has to do, in order.
 * `enter`: begin the phase of the state. `cancel`: cancel the phase's collaborator. `bound`: hold the phase to its bound.
 * `kill`: stop the process. `running`: emit RUNNING. `abandon`: give up the phase's collaborator.
 */
export type InvocationEffect = 'enter' | 'cancel' | 'bound' | 'kill' | 'running' | 'abandon';

/** One step of the reducer. */
export interface InvocationStep {
  readonly state: InvocationState;
  readonly effects: readonly InvocationEffect[];
}
