/** What a write keeps of the previous status: refs and tags that it does not set (R52, R53). */
import { invalidArgument } from '../kernel/errors.ts';
import { NOT_PLAIN, plainCopyOf } from '../kernel/plain-copy.ts';
import { makeRunStatus, withResult, type RunStatus } from '../model/run-status.ts';

/**
 * Copies plain data and freezes the copy at every depth, for the one field of a status whose content is opaque (R39).
 * Byte arrays are copied but cannot be frozen.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for data that cannot be copied, such as a function.
 */
function frozenCopy<T extends object>(value: T): T {
  let copy: T;
  try {
    const plain = plainCopyOf(value);
    copy = plain === NOT_PLAIN ? structuredClone(value) : (plain as T);
  } catch {
    throw invalidArgument('status.actionResult', 'plain data', value);
  }
  freezeDeep(copy);
  return copy;
}

/** Stops at anything frozen, which includes primitive values and back references. */
function freezeDeep(value: unknown): void {
  if (typeof value !== 'object' || Object.isFrozen(value) || ArrayBuffer.isView(value)) return;
  Object.freeze(value);
  for (const child of Object.values(value as object)) freezeDeep(child);
}

/**
 * The status after writing `update` over `old`: a frozen copy, unaffected by what the writer does with `update` later.
 */
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
  return update.actionResult === undefined ? status : withResult(status, frozenCopy(update.actionResult));
}

/** A frozen copy of a status. */
export function copyStatus(status: RunStatus): RunStatus {
  return mergeStatus(status, status);
}

/**
 * The copy of a dropped status for the trace. It leaves out data that cannot be copied: a write that changes nothing
 * must not fail only where it is traced.
 */
export function copyOfDropped(status: RunStatus): RunStatus {
  try {
    return copyStatus(status);
  } catch {
    return makeRunStatus(status.runId, status.state, status, status, status);
  }
}
