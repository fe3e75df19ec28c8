/** A run status as one line of text, in the model's form (R14). */
import { checkObject, unreadable } from '../kernel/argument-check.ts';
import { formatRunState, hasField } from './run-state.ts';
import type { RunStatus } from './run-status.ts';

/**
 * Shows the fields that are valid in the status's state, in a fixed order (R14).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for what is no object.
 * @example
 * ```ts
 * import { formatRunStatus, pendingStatus } from 'dryrunner';
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
