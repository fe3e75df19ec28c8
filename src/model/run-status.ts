/**
 * The status of a run as frozen plain data, with a constructor per state. Invariant: a field that is not valid in a
 * state holds its zero value (empty string, 0, undefined), so that comparing statuses is meaningful (R11). All
 * constructors share one object literal, so that every status has the same hidden class.
 */
import { membersOf } from '../kernel/union-members.ts';
import { checkObject, unreadable } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { ActionResult } from './action.ts';
import { NO_TAGS, type LogTags } from './command.ts';
import { isExitCodeError, type ExitCode, type ExitCodeError } from './exit-code.ts';
import { hasField, RUN_STATES, type RunState, isRunState, formatRunState } from './run-state.ts';

/** An opaque id, compared by equality only (R18). Any string can be used where one is expected. */
export type RunID = string;

/** Where the output of a run can be read; valid in any state, possibly empty. */
export interface OutputRefs {
  readonly stdoutRef: string;
  readonly stderrRef: string;
}

/** How a run ended. */
export interface RunOutcome {
  /** Valid in COMPLETE. */
  readonly snapshotId: string;
  /** Valid in COMPLETE and FAILED. */
  readonly exitCode: ExitCode;
  /** Valid in COMPLETE, FAILED and ABORTED; text, never an object. */
  readonly error: string;
}

/** Status of one run (R10, R11). */
export interface RunStatus extends LogTags, OutputRefs, RunOutcome {
  readonly runId: RunID;
  readonly state: RunState;
  /** Valid on the Bazel path only. */
  readonly actionResult?: ActionResult;
}

/** The fields that are present in every status. */
export const STATUS_FIELDS: readonly Exclude<keyof RunStatus, 'actionResult'>[] = membersOf<
  Exclude<keyof RunStatus, 'actionResult'>
>({
  runId: true,
  state: true,
  jobId: true,
  taskId: true,
  tag: true,
  stdoutRef: true,
  stderrRef: true,
  snapshotId: true,
  exitCode: true,
  error: true,
});

const NO_REFS: OutputRefs = Object.freeze({ stdoutRef: '', stderrRef: '' });
const NO_OUTCOME: RunOutcome = Object.freeze({ snapshotId: '', exitCode: 0, error: '' });

/**
 * Builds a status from its parts, for code that merges statuses; callers use the constructors below. Like them it only
 * checks that the parts are objects; a store checks the rest with `checkRunStatus`.
 * See {@link completeStatus}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `tags`, `refs` or `outcome` is not an object.
 */
export function makeRunStatus(
  runId: RunID,
  state: RunState,
  tags: LogTags,
  refs: OutputRefs,
  outcome: RunOutcome,
): RunStatus {
  try {
    checkObject('tags', 'an object with jobId, taskId and tag', tags);
    checkObject('refs', 'an object with stdoutRef and stderrRef', refs);
    checkObject('outcome', 'an object with snapshotId, exitCode and error', outcome);
    return Object.freeze({
      runId,
      state,
      jobId: tags.jobId,
      taskId: tags.taskId,
      tag: tags.tag,
      stdoutRef: refs.stdoutRef,
      stderrRef: refs.stderrRef,
      snapshotId: outcome.snapshotId,
      exitCode: outcome.exitCode,
      error: outcome.error,
    });
  } catch (error) {
    throw unreadable('status', tags, error);
  }
}

/** A run that is waiting to start: id and tags only (R12). See {@link completeStatus}. */
export function pendingStatus(runId: RunID, tags: LogTags = NO_TAGS): RunStatus {
  return makeRunStatus(runId, 'PENDING', tags, NO_REFS, NO_OUTCOME);
}

/** A run that is running, with the places where its output can be read (R12). See {@link completeStatus}. */
export function runningStatus(
  runId: RunID,
  stdoutRef: string,
  stderrRef: string,
  tags: LogTags = NO_TAGS,
): RunStatus {
  return makeRunStatus(runId, 'RUNNING', tags, { stdoutRef, stderrRef }, NO_OUTCOME);
}

/**
 * A run whose command ended with an exit code, zero or not (R3, R12).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the exit code is not an integer.
 * @example
 * ```ts
 * import { completeStatus } from 'dryrunner/kit';
 * import { formatRunStatus } from 'dryrunner';
 * console.log(formatRunStatus(completeStatus('7', '', 1)));
 * ```
 */
export function completeStatus(
  runId: RunID,
  snapshotId: string,
  exitCode: ExitCode,
  tags: LogTags = NO_TAGS,
): RunStatus {
  if (!Number.isInteger(exitCode)) throw invalidArgument('exitCode', 'an integer', exitCode);
  return makeRunStatus(runId, 'COMPLETE', tags, NO_REFS, { snapshotId, exitCode, error: '' });
}

/**
 * A run that failed because of the machinery: text and exit code come from the coded error (R3, R12).
 * See {@link completeStatus}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if the error is missing or has no exit code (R13).
 */
export function failedStatus(runId: RunID, error: ExitCodeError, tags: LogTags = NO_TAGS): RunStatus {
  if (!isExitCodeError(error)) throw invalidArgument('error', 'an error with an exit code', error);
  const outcome = { snapshotId: '', exitCode: error.exitCode, error: error.message };
  return makeRunStatus(runId, 'FAILED', tags, NO_REFS, outcome);
}

/** A run killed on request: id and tags only (R3, R12). See {@link completeStatus}. */
export function abortStatus(runId: RunID, tags: LogTags = NO_TAGS): RunStatus {
  return makeRunStatus(runId, 'ABORTED', tags, NO_REFS, NO_OUTCOME);
}

/** A run killed by its timeout, state TIMEDOUT: id and tags only (R3, R12). See {@link completeStatus}. */
export function timeoutStatus(runId: RunID, tags: LogTags = NO_TAGS): RunStatus {
  return makeRunStatus(runId, 'TIMEDOUT', tags, NO_REFS, NO_OUTCOME);
}

/** The status with the result of its action, if there is one; for code that merges statuses. */
export function withResult(status: RunStatus, actionResult: ActionResult | undefined): RunStatus {
  return actionResult === undefined ? status : Object.freeze({ ...status, actionResult });
}

/**
 * A copy of the status with the places where the output can be read.
 * See {@link completeStatus}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but an object.
 */
export function withRefs(status: RunStatus, stdoutRef: string, stderrRef: string): RunStatus {
  try {
    checkObject('status', 'a run status', status);
    const { runId, state, actionResult } = status;
    return withResult(makeRunStatus(runId, state, status, { stdoutRef, stderrRef }, status), actionResult);
  } catch (error) {
    throw unreadable('status', status, error);
  }
}

const WITH_ERROR = RUN_STATES.filter((state) => hasField(state, 'error'));

/**
 * A copy of the status with an error text.
 * See {@link completeStatus}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` in a state without error text (R11), and for anything but an object.
 */
export function withError(status: RunStatus, error: string): RunStatus {
  try {
    checkObject('status', 'a run status', status);
    const { runId, state, snapshotId, exitCode, actionResult } = status;
    if (!hasField(state, 'error')) {
      throw invalidArgument(
        'status',
        `state ${WITH_ERROR.slice(0, -1).join(', ')} or ${WITH_ERROR.at(-1)}`,
        state,
      );
    }
    const copy = makeRunStatus(runId, state, status, status, { snapshotId, exitCode, error });
    return withResult(copy, actionResult);
  } catch (thrown) {
    throw unreadable('status', status, thrown);
  }
}

/**
 * Checks a status when it enters a store: fields have the right type, and those that are not valid in its state hold
 * their zero value (R11).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` that names the field, what was expected and what came.
 */
export function checkRunStatus(status: unknown): asserts status is RunStatus {
  try {
    if (typeof status !== 'object' || status === null) {
      throw invalidArgument('status', 'a run status', status);
    }
    const fields = status as { readonly [field in keyof RunStatus]: unknown };
    if (!isRunState(fields.state)) {
      throw invalidArgument('status.state', `one of ${RUN_STATES.join(', ')}`, fields.state);
    }
    checkText('runId', fields.runId);
    checkText('jobId', fields.jobId);
    checkText('taskId', fields.taskId);
    checkText('tag', fields.tag);
    checkText('stdoutRef', fields.stdoutRef);
    checkText('stderrRef', fields.stderrRef);
    checkText('snapshotId', fields.snapshotId);
    checkText('error', fields.error);
    if (!Number.isInteger(fields.exitCode)) {
      throw invalidArgument('status.exitCode', 'an integer', fields.exitCode);
    }
    const { actionResult } = fields;
    if (actionResult !== undefined && (typeof actionResult !== 'object' || actionResult === null)) {
      throw invalidArgument('status.actionResult', 'an object', actionResult);
    }
    checkValidity(status as RunStatus);
  } catch (error) {
    throw unreadable('status', status, error);
  }
}

function checkText(name: keyof RunStatus, value: unknown): void {
  if (typeof value !== 'string') throw invalidArgument(`status.${name}`, 'a string', value);
}

function checkValidity({ state, snapshotId, exitCode, error }: RunStatus): void {
  if (snapshotId !== '' && !hasField(state, 'snapshotId')) {
    throw invalidArgument('status.snapshotId', `'' in state ${state}`, snapshotId);
  }
  if (exitCode !== 0 && !hasField(state, 'exitCode')) {
    throw invalidArgument('status.exitCode', `0 in state ${state}`, exitCode);
  }
  if (error !== '' && !hasField(state, 'error')) {
    throw invalidArgument('status.error', `'' in state ${state}`, error);
  }
}

/**
 * Formats a status as one line in the model's form: the fields that are valid in its state, in a fixed order (R14).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but an object.
 * @example
 * ```ts
 * import { formatRunStatus } from 'dryrunner';
 * import { pendingStatus } from 'dryrunner/kit';
 * console.log(formatRunStatus(pendingStatus('0')));
 * // RunStatus -- RunID: 0 # State: PENDING # JobID:  # TaskID:  # Tag:
 * ```
 */
export function formatRunStatus(status: RunStatus): string {
  try {
    checkObject('status', 'a run status', status);
    const { runId, state, jobId, taskId, tag, stdoutRef, stderrRef, snapshotId, exitCode, error } = status;
    const parts = [
      `RunStatus -- RunID: ${runId}`,
      `State: ${formatRunState(state)}`,
      `JobID: ${jobId}`,
      `TaskID: ${taskId}`,
      `Tag: ${tag}`,
    ];
    if (stdoutRef !== '') parts.push(`Stdout: ${stdoutRef}`);
    if (stderrRef !== '') parts.push(`Stderr: ${stderrRef}`);
    if (hasField(state, 'snapshotId')) parts.push(`SnapshotID: ${snapshotId}`);
    if (hasField(state, 'exitCode')) parts.push(`ExitCode: ${exitCode}`);
    if (hasField(state, 'error')) parts.push(`Error: ${error}`);
    if (status.actionResult !== undefined) parts.push(`ActionResult: ${JSON.stringify(status.actionResult)}`);
    return parts.join(' # ');
  } catch (error) {
    throw unreadable('status', status, error);
  }
}

/**
 * The zero-valued status, which stands in for a run that does not exist: empty id, UNKNOWN, no tags, and possibly an
 * error text (R22, R149).
 */
export function zeroStatus(error = ''): RunStatus {
  const refs = { stdoutRef: '', stderrRef: '' };
  return makeRunStatus('', 'UNKNOWN', NO_TAGS, refs, { snapshotId: '', exitCode: 0, error });
}
