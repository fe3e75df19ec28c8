/**
 * The status of a run as plain data, with a constructor per state. Invariant: a field that is not valid in a state holds its
 * zero value (empty string, 0, undefined), so that equality of statuses means what it seems to (R11).
 */
import type { LogTags } from './command.ts';
import type { ExitCode } from './exit-code.ts';
import type { RunState } from './run-state.ts';

/** An opaque id, compared by equality only (R18). Any string can be used where one is expected. */
export type RunID = string;

/** What the Bazel path reports beside the status, opaque here. */
export interface ActionResult {
  readonly [field: string]: unknown;
}

/** Status of one run (R10, R11). */
export interface RunStatus extends LogTags {
  readonly runId: RunID;
  readonly state: RunState;
  /** Where standard output can be read; valid in any state, possibly empty. */
  readonly stdoutRef: string;
  readonly stderrRef: string;
  /** Valid in COMPLETE. */
  readonly snapshotId: string;
  /** Valid in COMPLETE and FAILED. */
  readonly exitCode: ExitCode;
  /** Valid in COMPLETE, FAILED and ABORTED; text, never an object. */
  readonly error: string;
  /** Valid on the Bazel path only. */
  readonly actionResult?: ActionResult;
}
