/**
 * Opening and closing the three logs of a run. Invariant: an output that was created is closed exactly once, also when a later one
 * could not be created (R95) or came after the run had given up (R204).
 */
import { messageOf } from '../kernel/errors.ts';
import { EXIT_CODES, ExitCodeError } from '../model/exit-code.ts';
import { allDone, isPending, orElse, whenThere, type MaybePromise } from '../model/maybe-promise.ts';
import type { Output } from '../model/output.ts';
import { logHeader, logTrailer } from './log-header.ts';
import type { Phase } from './phase.ts';
import type { RunContext } from './run-context.ts';
import { RunLogs, type LogName } from './run-logs.ts';

const LOG_NAMES: readonly LogName[] = ['stdout', 'stderr', 'stdlog'];

/** Creates stdout, stderr and stdlog, writes the header and measures the directories (R88, R95, R96). */
export const outputsPhase: Phase = {
  begin(run) {
    return whenThere(openFrom(run, 0, []), (outputs) => {
      const [stdout, stderr, stdlog] = outputs as [Output, Output, Output];
      const logs = new RunLogs(stdout, stderr, stdlog, run.parts.world.tracer !== undefined);
      run.stdoutRef = stdout.uri;
      run.stderrRef = stderr.uri;
      if (run.phase !== 'outputs') return closeAll(run, outputs);
      run.logs = logs;
      return whenThere(writeText(run, logs, logHeader(run.parts.world.clock, logs, run.command)), () =>
        measureStart(run),
      );
    });
  },
  boundMs: (run) => run.parts.localBoundMs,
  abandon: (run) => run.abandoned('output', 'logs'),
};

/** Closes what is open; a failure to close is recorded and changes no status. */
export const closePhase: Phase = {
  begin(run) {
    const { logs } = run;
    if (logs === undefined) return undefined;
    traceContent(run, logs);
    return whenThere(finishLogs(run), () => closeAll(run, [logs.stdout, logs.stderr, logs.stdlog]));
  },
  boundMs: (run) => run.parts.localBoundMs,
  abandon: (run) => run.abandoned('output', 'logs'),
};

/** Writes the trailer of a run that was stopped, once, after the last process byte (R107). */
export function finishLogs(run: RunContext): MaybePromise<void> {
  const { logs } = run;
  if (logs === undefined || logs.finished) return undefined;
  logs.finished = true;
  const report = run.memoryReport?.status.error ?? '';
  const trailer = logTrailer(run.stop, run.command.timeoutMs ?? 0, report);
  return trailer === undefined ? undefined : writeText(run, logs, trailer);
}

function writeText(run: RunContext, logs: RunLogs, text: string): MaybePromise<void> {
  return orElse(
    () => logs.writeAll(text),
    (error) => run.recorded('output', error),
  );
}

function openFrom(
  run: RunContext,
  index: number,
  opened: readonly Output[],
): MaybePromise<readonly Output[]> {
  const name = LOG_NAMES[index];
  if (name === undefined) return opened;
  const failed = (error: unknown): never => {
    const text = messageOf(error);
    const failure = new ExitCodeError(
      EXIT_CODES.LOG_CREATION,
      `could not create ${shownName(name)}: ${text}`,
      { cause: error },
    );
    throw failure;
  };
  let output: MaybePromise<Output>;
  try {
    output = run.parts.outputs.create(`${run.runId}-${name}`);
  } catch (error) {
    return closeThenFail(run, opened, () => failed(error));
  }
  const next = (created: Output): MaybePromise<readonly Output[]> => {
    run.acquired('output', name);
    return openFrom(run, index + 1, [...opened, created]);
  };
  if (!isPending(output)) return next(output);
  return output.then(next, (error: unknown) => closeThenFail(run, opened, () => failed(error)));
}

function shownName(name: LogName): string {
  return name === 'stdlog' ? 'combined stdout/stderr' : name;
}

function closeThenFail(run: RunContext, opened: readonly Output[], fail: () => never): MaybePromise<never> {
  return whenThere(closeAll(run, opened), fail);
}

function closeAll(run: RunContext, outputs: readonly Output[]): MaybePromise<void> {
  const closing = outputs.map((output, index) =>
    whenThere(
      orElse(
        () => output.close(),
        (error) => run.recorded('output', error),
      ),
      () => run.freed('output', LOG_NAMES[index] as LogName),
    ),
  );
  return allDone(closing);
}

function measureStart(run: RunContext): MaybePromise<void> {
  const { dirMonitor } = run.parts;
  if (dirMonitor === undefined) return undefined;
  const measure = (): MaybePromise<void> =>
    whenThere(dirMonitor.sizesKb(), (kb) => {
      run.startSizesKb = kb;
    });
  // Sizes that cannot be taken cost the metric, never the run (R182).
  return orElse(measure, (error) => run.recorded('dirMonitor', error));
}

/** What the process wrote is part of the trace (R209), as length and hash. */
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
