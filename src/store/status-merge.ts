/** What a write leaves of the status before it: refs and tags that the write does not give (R52, R53). */
import { makeRunStatus, type RunStatus } from '../model/run-status.ts';
import { frozenCopy } from './frozen-copy.ts';

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
