/**
 * Opens and closes the three logs of a run. Invariant: an output that was created is closed exactly once, even if a
 * later one could not be created (R95), or it was created after the run had abandoned it (R204).
 */
import { messageOf } from '../../kernel/errors.ts';
import { EXIT_CODES, ExitCodeError } from '../../model/exit-code.ts';
import { allDone, isPending, orElse, whenThere, type MaybePromise } from '../../model/maybe-promise.ts';
import type { Output } from '../../model/output.ts';
import { LOG_NAMES } from '../../model/undisturbed-run.ts';
import { checkOutput, checkSizes } from './answers.ts';
import { headerLater, logTrailer } from './log-header.ts';
import type { Phase } from './phase.ts';
import type { RunContext } from './run-context.ts';
import { RunLogs, type LogName } from './run-logs.ts';

/** Creates stdout, stderr and stdlog, writes the header and measures the directories (R88, R95, R96). */
export const outputsPhase: Phase = {
  begin(run) {
    const opened = openFrom(run, 0);
    return isPending(opened) ? opened.then(() => accept(run)) : accept(run);
  },
  boundMs: (run) => run.parts.localBoundMs,
  abandon(run) {
    if (run.logs !== undefined) {
      run.recorded('output', 'the header was not taken within the bound');
      return;
    }
    if (!run.areOutputsClosing) run.abandoned('output', LOG_NAMES[run.openOutputs.length] as LogName);
    giveUp(run);
  },
};

function accept(run: RunContext): MaybePromise<void> {
  if (run.phase !== 'outputs') return undefined;
  const outputs = run.openOutputs.slice() as [Output, Output, Output];
  const [stdout, stderr, stdlog] = outputs;
  const { world, logBytesMax } = run.parts;
  const { clock, tracer } = world;
  run.stdoutRef = stdout.uri;
  run.stderrRef = stderr.uri;
  const logs = new RunLogs(stdout, stderr, stdlog, tracer !== undefined, logBytesMax);
  run.logs = logs;
  // The output of a Bazel run is stored unchanged, so there is no header (R190).
  if (run.action !== undefined) return measureStart(run);
  const epochMs = clock.epochMs + clock.now();
  const written = writeText(run, logs, headerLater(epochMs, outputs, run.command));
  return isPending(written) ? written.then(() => measureStart(run)) : measureStart(run);
}

/** Closes open outputs; a failure to close is recorded and does not change the outcome. */
export const closePhase: Phase = {
  begin(run) {
    const { logs } = run;
    if (logs === undefined) return undefined;
    traceContent(run, logs);
    const finished = finishLogs(run);
    return isPending(finished) ? finished.then(() => closeAll(run)) : closeAll(run);
  },
  // On a real clock, a bound passes a little late.
  boundMs: (run) => Math.max(0, run.parts.localBoundMs - run.trailerMs),
  abandon: giveUp,
};

/**
 * Closes open outputs unless that has begun, and records those still open as abandoned: their closing may still end
 * later.
 */
function giveUp(run: RunContext): void {
  const closing = closeAll(run);
  if (isPending(closing)) closing.then(undefined, (error: unknown) => run.recorded('output', error));
  run.openOutputs.forEach((output, index) => {
    if (output !== undefined) run.abandoned('output', LOG_NAMES[index] as LogName);
  });
}

/** Writes the trailer of a stopped run once, after the last process byte (R107). */
export function finishLogs(run: RunContext): MaybePromise<void> {
  const { logs } = run;
  if (logs === undefined || logs.finished) return undefined;
  logs.finished = true;
  const report = run.memoryReport?.status.error ?? '';
  const trailer = logTrailer(run.stop, run.passedTimeoutMs, report);
  return trailer === undefined ? undefined : writeText(run, logs, trailer);
}

function writeText(run: RunContext, logs: RunLogs, text: string | (() => string)): MaybePromise<void> {
  return orElse(
    () => logs.writeAll(text),
    (error) => noteLoss(run, logs, error),
  );
}

/** Losses are noted in the order in which they happen, so that the status names the first (R123). */
function noteLoss(run: RunContext, logs: RunLogs | undefined, error: unknown): void {
  if (logs !== undefined) logs.firstLoss ??= messageOf(error);
  run.recorded('output', error);
}

/** Opens the outputs from `index` on, unless the run abandons them meanwhile. */
function openFrom(run: RunContext, index: number): MaybePromise<void> {
  for (let next = index; next < LOG_NAMES.length; next += 1) {
    const name = LOG_NAMES[next] as LogName;
    let output: MaybePromise<Output>;
    try {
      output = run.parts.outputs.create(`${run.runId}-${name}`);
      if (!isPending(output)) checkOutput(output);
    } catch (error) {
      return closeThenFail(run, name, error);
    }
    if (isPending(output)) {
      return output.then(
        (created) => acceptLate(run, next, created),
        (error: unknown) => closeThenFail(run, name, error),
      );
    }
    keep(run, next, output);
  }
  return undefined;
}

/** Takes an output that was waited for, and opens those after it; the run may have abandoned them meanwhile. */
function acceptLate(run: RunContext, index: number, created: Output): MaybePromise<void> {
  try {
    checkOutput(created);
  } catch (error) {
    return closeThenFail(run, LOG_NAMES[index] as LogName, error);
  }
  keep(run, index, created);
  return run.phase === 'outputs' ? openFrom(run, index + 1) : close(run, index, created);
}

function keep(run: RunContext, index: number, created: Output): void {
  run.acquired('output', LOG_NAMES[index] as LogName);
  run.openOutputs[index] = created;
}

function closeThenFail(run: RunContext, name: LogName, error: unknown): MaybePromise<never> {
  const text = messageOf(error);
  return whenThere(closeAll(run), () => {
    throw new ExitCodeError(EXIT_CODES.LOG_CREATION, `could not create ${shownName(name)}: ${text}`, {
      cause: error,
    });
  });
}

function shownName(name: LogName): string {
  return name === 'stdlog' ? 'combined stdout/stderr' : name;
}

/** Closes all open outputs; only the first call has an effect. */
function closeAll(run: RunContext): MaybePromise<void> {
  if (run.areOutputsClosing) return undefined;
  run.areOutputsClosing = true;
  let pending: PromiseLike<void>[] | undefined;
  for (let index = 0; index < run.openOutputs.length; index += 1) {
    const closing = close(run, index, run.openOutputs[index] as Output);
    if (isPending(closing)) (pending ??= []).push(closing);
  }
  return pending === undefined ? undefined : allDone(pending);
}

/**
 * A closing that fails is noted as many reactions after its end as one that succeeds: logs that are closed at once are
 * noted in the order in which they end, in a replay too.
 */
function close(run: RunContext, index: number, output: Output): MaybePromise<void> {
  const closed = (): void => noteClosed(run, index);
  const failed = (error: unknown): void => {
    noteLoss(run, run.logs, error);
    closed();
  };
  try {
    const closing = output.close();
    if (isPending(closing)) return closing.then(closed, failed);
  } catch (error) {
    failed(error);
    return undefined;
  }
  closed();
  return undefined;
}

function noteClosed(run: RunContext, index: number): void {
  run.openOutputs[index] = undefined;
  run.freed('output', LOG_NAMES[index] as LogName);
}

function measureStart(run: RunContext): MaybePromise<void> {
  const { dirMonitor } = run.parts;
  if (dirMonitor === undefined) return undefined;
  const measure = (): MaybePromise<void> =>
    whenThere(dirMonitor.sizesKb(), (kb) => {
      checkSizes(kb);
      run.startSizesKb = kb;
    });
  // If measuring fails, the metric is lost, never the run (R182).
  return orElse(measure, (error) => run.recorded('dirMonitor', error));
}

/** Records length and hash of the process's output in the trace (R209). */
function traceContent(run: RunContext, logs: RunLogs): void {
  const { world, name: runner } = run.parts;
  if (world.tracer === undefined) return;
  const at = world.clock.now();
  for (const output of ['stdout', 'stderr'] as const) {
    const sink = output === 'stdout' ? logs.stdoutSink : logs.stderrSink;
    if (sink.bytes === 0) continue;
    const digest = sink.hash?.digest() ?? '';
    world.tracer.record({ at, type: 'wrote', runner, runId: run.runId, output, bytes: sink.bytes, digest });
  }
}
