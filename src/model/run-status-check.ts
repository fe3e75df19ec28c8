/** Holds statuses to R11 where they enter a store: fields of the right type, and only those that are valid in the state. */
import { unreadable } from '../kernel/argument-check.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { hasField, isRunState, RUN_STATES } from './run-state.ts';
import type { RunStatus } from './run-status.ts';

/**
 * Checks that `status` is one, and that fields which are not valid in its state hold their zero value (R11).
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
