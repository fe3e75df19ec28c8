/** What a write leaves of the status before it: refs and tags that the write does not give (R52, R53). */
import { invalidArgument } from '../kernel/errors.ts';
import { makeRunStatus, type RunStatus } from '../model/run-status.ts';

/**
 * Deep frozen copies of plain data, for the one field of a status whose content is opaque (R39).
 *
 * Copies plain data and freezes the copy at every depth, byte arrays excepted, which cannot be frozen.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for what cannot be copied, such as a function.
 */
function frozenCopy<T extends object>(value: T): T {
  let copy: T;
  try {
    copy = structuredClone(value);
  } catch {
    throw invalidArgument('status.actionResult', 'plain data', value);
  }
  freezeDeep(copy);
  return copy;
}

/** What is frozen already, as plain values are, ends the walk; so do references back. */
function freezeDeep(value: unknown): void {
  if (Object.isFrozen(value) || ArrayBuffer.isView(value)) return;
  Object.freeze(value);
  for (const child of Object.values(value as object)) freezeDeep(child);
}

/** The status after `update` was written over `old`: a frozen value of its own, whatever the writer does with `update` later. */
export function mergeStatus(old: RunStatus, update: RunStatus): RunStatus {
  const tags = {
    jobId: update.jobId || old.jobId,
    taskId: update.taskId || old.taskId,
    tag: update.tag || old.tag,
  };
  const refs = {
    stdoutRef: update.stdoutRef || old.stdoutRef,
    stderrRef: update.stderrRef || old.stderrRef,
  };
  const status = makeRunStatus(old.runId, update.state, tags, refs, update);
  if (update.actionResult === undefined) return status;
  return Object.freeze({ ...status, actionResult: frozenCopy(update.actionResult) });
}

/** A frozen copy of a status that is a value of its own. */
export function copyStatus(status: RunStatus): RunStatus {
  return mergeStatus(status, status);
}
