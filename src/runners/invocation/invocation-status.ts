/** The two kinds of status that an invocation emits. */
import { incompleteLogsText } from '../../model/end-text.ts';
import { tagsOf } from '../../model/command.ts';
import {
  makeRunStatus,
  runningStatus,
  withResult,
  type OutputRefs,
  type RunStatus,
} from '../../model/run-status.ts';
import type { Outcome } from './invocation-state.ts';
import type { RunContext } from './run-context.ts';

const KEPT_REFS: OutputRefs = Object.freeze({ stdoutRef: '', stderrRef: '' });

/** RUNNING with the refs of stdout and stderr (R99). */
export function runningRunStatus(run: RunContext): RunStatus {
  return runningStatus(run.runId, run.stdoutRef, run.stderrRef, tagsOf(run.command));
}

/**
 * The terminal status. In ABORTED and FAILED the refs are empty, so that the store keeps those of RUNNING (R52, R107).
 */
export function terminalRunStatus(run: RunContext, outcome: Outcome): RunStatus {
  const { state, exitCode, uploads } = outcome;
  const error = outcome.error === '' && state === 'COMPLETE' ? lostLogText(run) : outcome.error;
  const refs: OutputRefs = uploads ? run : KEPT_REFS;
  const snapshotId = state === 'COMPLETE' ? run.logSnapshotId : '';
  const status = makeRunStatus(run.runId, state, tagsOf(run.command), refs, { snapshotId, exitCode, error });
  return withResult(status, run.action?.resultOf(outcome));
}

/** That the logs are not whole (R123); empty if nothing is known to be missing. */
function lostLogText({ logs }: RunContext): string {
  return logs?.firstLoss === undefined ? '' : incompleteLogsText(logs.firstLoss);
}
