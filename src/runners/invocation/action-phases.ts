/**
 * Phases around the process of a Bazel run: preparing its outputs, storing them, and keeping the result (R190–R192);
 * and, if enabled, ingesting the logs of any other run (R198). Invariant: a phase that does not complete can affect the
 * status of the run only by its failure.
 */
import type { ActionCommand, ActionOutputs, ExecuteRequest } from '../../model/action.ts';
import { RunnerError, messageOf } from '../../kernel/errors.ts';
import { EXIT_CODES, ExitCodeError } from '../../model/exit-code.ts';
import type { Checkout } from '../../model/filer.ts';
import { whenThere } from '../../model/maybe-promise.ts';
import type { ActionRun } from './action-run.ts';
import { checkSnapshotId } from './answers.ts';
import { hasSnapshot, neededFiler, reasonOf } from './checkout-phase.ts';
import { actionsOf } from './lookup-phase.ts';
import { finishLogs } from './outputs-phase.ts';
import type { Phase } from './phase.ts';
import type { RunContext } from './run-context.ts';
import type { RunLogs } from './run-logs.ts';

const NO_OUTPUTS: ActionOutputs = Object.freeze({
  outputFiles: [],
  outputDirectories: [],
  outputSymlinks: [],
});

/** R190. */
export const preparePhase: Phase = {
  begin(run) {
    const { action, checkout } = run;
    const command = action?.command;
    if (command === undefined || checkout === undefined) return undefined;
    return prepare(run, checkout, command);
  },
  boundMs: actionBoundMs,
  abandon: (run) => run.recorded('prepare', 'did not stop within its bound'),
};

async function prepare(run: RunContext, checkout: Checkout, command: ActionCommand): Promise<void> {
  try {
    await actionsOf(run).prepareOutputs(checkout.path, command, run.freshCancellation());
    // The process must not start in a directory that somebody else has put there.
    await checkout.requireIntact?.();
  } catch (error) {
    throw await reasonOf(run, error);
  }
}

/** R191, R198. */
export const collectPhase: Phase = {
  begin(run) {
    const { logs, action } = run;
    if (logs === undefined) return undefined;
    return whenThere(finishLogs(run), () =>
      action === undefined ? ingestLogs(run, logs) : storeResult(run, action, logs),
    );
  },
  boundMs: (run) => (run.action === undefined ? neededFiler(run).cancelBoundMs : actionBoundMs(run)),
  abandon: (run) => run.recorded('collect', 'did not stop within its bound'),
};

/** R192. Once it has begun, an abort is too late: also in the upload that follows. */
export const keepPhase: Phase = {
  isIdle: (run) => !isWorthKeeping(run),
  async begin(run) {
    const bazel = run.action as ActionRun;
    const { outcome, action, command } = bazel;
    if (outcome === undefined) return;
    bazel.isKept = true;
    try {
      const request = bazel.request as ExecuteRequest;
      const dir = run.checkout?.path;
      const isKnown = dir !== undefined && action !== undefined && command !== undefined;
      const executed = isKnown ? { dir, action, command } : undefined;
      await actionsOf(run).keep(request, outcome, run.freshCancellation(), executed);
    } catch (error) {
      run.recorded('cache', error);
    }
  },
  boundMs: actionBoundMs,
  abandon(run) {
    run.cancellation?.cancel();
    run.recorded('cache', 'did not take the result within its bound');
  },
};

function actionBoundMs(run: RunContext): number {
  return run.parts.actions?.cancelBoundMs ?? 0;
}

/** True for a run that ended by itself, succeeded, and has all its output (R192, D91, D92). */
function isWorthKeeping({ action, stop, logs }: RunContext): boolean {
  if (stop !== 'none' || logs?.firstLoss !== undefined) return false;
  return action?.outcome?.exitCode === 0 && action.action?.doNotCache === false;
}

async function storeResult(run: RunContext, action: ActionRun, logs: RunLogs): Promise<void> {
  const actions = actionsOf(run);
  const cancellation = run.freshCancellation();
  const { command, request } = action;
  action.note('outputUploadStartMs');
  try {
    const stdoutDigest = await actions.storeLog(logs.stdout, cancellation, request);
    checkWanted(run);
    const stderrDigest = await actions.storeLog(logs.stderr, cancellation, request);
    checkWanted(run);
    // The outputs of a process that was killed for its memory are unreliable (D92).
    const outputs =
      command === undefined || run.stop === 'memory'
        ? NO_OUTPUTS
        : await actions.storeOutputs(run.checkout?.path ?? '', command, cancellation, request);
    // After the last output was read: outputs that are not there may have gone with their directory.
    await run.checkout?.requireIntact?.();
    checkWanted(run);
    action.note('outputUploadCompletedMs');
    action.note('workerCompletedMs');
    const exitCode = (run.memoryReport?.status ?? run.processStatus)?.exitCode ?? 0;
    action.outcome = { ...outputs, exitCode, stdoutDigest, stderrDigest, metadata: action.metadata };
  } catch (error) {
    const reason = await reasonOf(run, error);
    // The process has ended: whatever code the store gives, this is a failure after execution (R191).
    throw new ExitCodeError(EXIT_CODES.POST_EXEC, messageOf(reason), { cause: reason });
  }
}

function checkWanted(run: RunContext): void {
  if (run.phase === 'collect' && run.stop !== 'abort') return;
  throw new RunnerError('RUNNER_CANCELLED', 'storing the result was cancelled');
}

/** A failure keeps the local refs (D99). */
async function ingestLogs(run: RunContext, { stdout, stderr, stdlog }: RunLogs): Promise<void> {
  const cancellation = run.freshCancellation();
  try {
    const filer = neededFiler(run);
    const paths = new Map([
      [await stdout.asFile(), 'STDOUT'],
      [await stderr.asFile(), 'STDERR'],
      [await stdlog.asFile(), 'STDLOG'],
    ]);
    const id = await filer.ingestMap(paths, cancellation);
    if (run.phase !== 'collect' || run.stop === 'abort') return;
    checkSnapshotId(id);
    run.logSnapshotId = id;
    if (!hasSnapshot(run)) return;
    run.stdoutRef = `${id}/STDOUT`;
    run.stderrRef = `${id}/STDERR`;
  } catch (error) {
    run.recorded('ingest', error);
  }
}
