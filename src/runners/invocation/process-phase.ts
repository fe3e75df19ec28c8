/** Starts the process, waits for its end, and measures the directories afterwards. */
import { firstLossIn } from '../../execers/fault-log.ts';
import { messageOf } from '../../kernel/errors.ts';
import { invariant } from '../../kernel/invariant.ts';
import type { ExecCommand, MemoryReport, Process, ProcessStatus, Sink } from '../../model/execer.ts';
import { notStartedText } from '../../model/end-text.ts';
import { EXIT_CODES, ExitCodeError } from '../../model/exit-code.ts';
import { isPending, orElse, whenThere, type MaybePromise } from '../../model/maybe-promise.ts';
import { commandDirUsageName } from '../../model/metrics.ts';
import { checkProcess, checkProcessStatus, checkSizes } from './answers.ts';
import { reasonOf } from './checkout-phase.ts';
import { finishLogs } from './outputs-phase.ts';
import type { Phase } from './phase.ts';
import type { RunContext } from './run-context.ts';

const NO_ENV: NonNullable<ExecCommand['envVars']> = Object.freeze({});

/**
 * The command that the execer gets. A class, because it refers to everything that a run holds: see
 * docs/internals.md#memory-of-a-run.
 */
class RunExecCommand implements ExecCommand {
  readonly argv: readonly string[];
  readonly envVars: NonNullable<ExecCommand['envVars']>;
  readonly dir: string;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly jobId: string;
  readonly taskId: string;
  readonly tag: string;
  readonly runId: string;
  readonly runner: string;
  readonly onMemoryReport: (report: MemoryReport) => void;

  constructor({ command, logs, checkout, onMemoryReport, runId, parts, action }: RunContext) {
    invariant(logs !== undefined, 'expected the logs of a run that is about to start its process');
    invariant(checkout !== undefined, 'expected the checkout of a run that is about to start its process');
    const { jobId = '', taskId = '', tag = '' } = command;
    this.argv = command.argv;
    this.envVars = command.envVars ?? NO_ENV;
    this.dir = action?.dirIn(checkout.path) ?? checkout.path;
    this.stdout = logs.stdoutSink;
    this.stderr = logs.stderrSink;
    this.jobId = jobId;
    this.taskId = taskId;
    this.tag = tag;
    this.runId = runId;
    this.runner = parts.name;
    this.onMemoryReport = onMemoryReport;
  }
}

/**
 * Passes the command to the execer; an error is FAILED 240 (R98). A process that starts too late is stopped at once.
 */
export const execPhase: Phase = {
  begin(run) {
    const failed = (error: unknown): MaybePromise<never> => {
      if (run.action === undefined) throw notStarted(error);
      return reasonOf(run, error).then((reason) => {
        throw notStarted(reason);
      });
    };
    let process: MaybePromise<Process>;
    run.action?.note('executionStartMs');
    try {
      process = run.parts.execer.exec(new RunExecCommand(run));
    } catch (error) {
      return failed(error);
    }
    return isPending(process)
      ? process.then((started) => accept(run, started), failed)
      : accept(run, process);
  },
  boundMs: (run) => run.parts.execer.cancelBoundMs,
  abandon: (run) => run.abandoned('process', 'process'),
};

function notStarted(error: unknown): ExitCodeError {
  return new ExitCodeError(EXIT_CODES.COULD_NOT_EXEC, notStartedText(messageOf(error)), { cause: error });
}

/** Waits for the end of the process; the invocation stops it if necessary. */
export const waitPhase: Phase = {
  begin(run) {
    const { process } = run;
    invariant(process !== undefined, 'expected a process to wait for');
    const failed = (error: unknown): never => giveUp(run, process, error);
    const ended = (status: ProcessStatus): void => {
      try {
        checkProcessStatus(status);
      } catch (error) {
        failed(error);
      }
      keepStatus(run, status);
    };
    let status: MaybePromise<ProcessStatus>;
    try {
      status = process.wait();
    } catch (error) {
      return failed(error);
    }
    if (isPending(status)) return status.then(ended, failed);
    ended(status);
    return undefined;
  },
  boundMs: (run) => run.parts.execer.cancelBoundMs,
  abandon: (run) => run.abandoned('process', 'process'),
};

/**
 * If waiting fails, or gives no status, nobody knows whether the process is alive: it is asked to end, and the run
 * continues without it.
 */
function giveUp(run: RunContext, process: Process, error: unknown): never {
  run.abandoned('process', 'process');
  void orElse<unknown>(
    () => process.abort(),
    (fault) => run.recorded('abort', fault),
  );
  throw error;
}

/** Stores how the process ended, and its faults. */
export function keepStatus(run: RunContext, status: ProcessStatus): void {
  run.processStatus = status;
  run.action?.noteEnd();
  status.faults?.forEach((fault) => run.recorded('process', fault));
  if (run.logs !== undefined) run.logs.firstLoss ??= firstLossIn(status.faults);
  run.freed('process', 'process');
}

/** A wrong answer is a failure after execution: a process may have been started (R98). */
function accept(run: RunContext, process: Process): MaybePromise<void> {
  checkProcess(process);
  run.acquired('process', 'process');
  if (run.phase === 'exec') {
    run.process = process;
    return undefined;
  }
  return whenThere(process.abort(), () => run.freed('process', 'process'));
}

/**
 * Writes the trailer, then measures `commandDirUsage_kb_SUFFIX` = end − start for every suffix that has both (R182).
 */
export const measurePhase: Phase = {
  isIdle: (run) => run.parts.dirMonitor === undefined && run.stop === 'none',
  begin(run) {
    const finished = finishLogs(run);
    return isPending(finished) ? finished.then(() => measureEnd(run)) : measureEnd(run);
  },
  boundMs: (run) => run.parts.localBoundMs,
  abandon: (run) => run.recorded('dirMonitor', 'did not measure within its bound'),
};

function measureEnd(run: RunContext): MaybePromise<void> {
  const { dirMonitor, metrics } = run.parts;
  const { startSizesKb } = run;
  if (dirMonitor === undefined || startSizesKb === undefined) return undefined;
  const keep = (endSizesKb: ReadonlyMap<string, number>): void => {
    checkSizes(endSizesKb);
    for (const [suffix, endKb] of endSizesKb) {
      const startKb = startSizesKb.get(suffix);
      if (startKb !== undefined) metrics?.gauge(commandDirUsageName(suffix)).set(endKb - startKb);
    }
  };
  return orElse(
    () => whenThere(dirMonitor.sizesKb(), keep),
    (error) => run.recorded('dirMonitor', error),
  );
}
