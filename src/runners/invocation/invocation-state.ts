/**
 * The state of one invocation as plain data, and the events and effects of its reducer (`invocation-reducer.ts`).
 * Invariant: only the reducer creates a new state; only `invocation.ts` performs effects.
 */
import type { ExitCode } from '../../model/exit-code.ts';
import type { ProcessStatus } from '../../model/execer.ts';
import type { InvocationPhase } from '../../model/trace-event.ts';

/** Why a run is being stopped: the first cause, except that an abort in time replaces any other (R108). */
export type StopCause = 'none' | 'abort' | 'deadline' | 'memory';

/** How the run will end, after clean-up. */
export interface Outcome {
  readonly state: 'COMPLETE' | 'FAILED' | 'ABORTED' | 'TIMEDOUT';
  readonly exitCode: ExitCode;
  readonly error: string;
  /** Whether the logs are uploaded (R115). */
  readonly uploads: boolean;
}

/**
 * Which phases there are in addition to the usual ones: on the Bazel path `lookup`, `prepare`, `collect` and `keep`; if
 * logs are ingested (R198), `collect`.
 */
export type InvocationPath = 'plain' | 'logs' | 'bazel';

/** Everything that the reducer depends on. */
export interface InvocationState {
  readonly path: InvocationPath;
  readonly phase: InvocationPhase;
  readonly stop: StopCause;
  readonly outcome: Outcome | undefined;
  /** A stop was requested: from now on every phase has the bound of its collaborator as a limit (R199). */
  readonly hurried: boolean;
  /** The deadline passed after a memory report or the end of the command: clean-up has the bounds of its collaborators as limits (R102). */
  readonly isLate: boolean;
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
  isLate: false,
  opened: false,
  checkedOut: false,
});

/** Events of an invocation. Events of a phase that is over are ignored. */
export type InvocationEvent =
  | { readonly type: 'done'; readonly phase: InvocationPhase }
  | {
      readonly type: 'failed';
      readonly phase: InvocationPhase;
      readonly exitCode: ExitCode;
      readonly error: string;
    }
  /** The lookup found a result: there is nothing to run (R186). */
  | { readonly type: 'cached'; readonly exitCode: ExitCode }
  | { readonly type: 'ended'; readonly status: ProcessStatus }
  | {
      readonly type: 'abort';
      /** True if the result of the run is in the cache, or on its way there (R192). */
      readonly isKept: boolean;
    }
  | {
      readonly type: 'deadline';
      /** True if the process has ended, although it has not said so yet (R103). */
      readonly hasEnded: boolean;
    }
  | { readonly type: 'memory' }
  /** The bound of the current phase has passed and its collaborator has not returned. */
  | { readonly type: 'overdue'; readonly phase: InvocationPhase };

/**
 * Effects to perform, in order. `enter`: begin the phase of the state. `cancel`: cancel the phase's collaborator.
 * `bound`: start the time limit of the phase. `kill`: stop the process. `running`: emit RUNNING. `abandon`: abandon the
 * phase's collaborator.
 */
export type InvocationEffect = 'enter' | 'cancel' | 'bound' | 'kill' | 'running' | 'abandon';

/** One step of the reducer. */
export interface InvocationStep {
  readonly state: InvocationState;
  readonly effects: readonly InvocationEffect[];
}
