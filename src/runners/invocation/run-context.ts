/**
 * What one invocation holds while it lives: its command, checkout, logs, process and the cancellation of the current
 * phase. Invariant: each phase that stores something here has a phase that gives it back.
 */
import { messageOf } from '../../kernel/errors.ts';
import type { Timer } from '../../kernel/clock.ts';
import { Thing, type Topic } from '../../kernel/question.ts';
import { Cancellation } from '../../model/cancellation.ts';
import type { Command } from '../../model/command.ts';
import type { MemoryReport, Process, ProcessStatus } from '../../model/execer.ts';
import { exitCodeOf } from '../../model/exit-code.ts';
import type { Checkout } from '../../model/filer.ts';
import type { Output } from '../../model/output.ts';
import type { InvocationPhase, ResourceKind } from '../../model/trace-event.ts';
import { ActionRun, isBazel } from './action-run.ts';
import type { StopCause } from './invocation-state.ts';
import type { InvokerParts } from './invoker-parts.ts';
import type { RunLogs } from './run-logs.ts';

/** The data that all phases share. */
export class RunContext {
  readonly parts: InvokerParts;
  /** The command to run: on the Bazel path, from the lookup on, with the content of the action (R187). */
  command: Command;
  readonly runId: string;
  /** The current phase; a collaborator that returns in another phase has been abandoned (R106). */
  phase: InvocationPhase = 'preprocess';
  stop: StopCause = 'none';
  checkout: Checkout | undefined;
  /** Created outputs in creation order; undefined once closed. */
  readonly openOutputs: (Output | undefined)[] = Array.of();
  /** True once closing has begun. */
  areOutputsClosing = false;
  logs: RunLogs | undefined;
  process: Process | undefined;
  /** How the process ended; undefined before that. */
  processStatus: ProcessStatus | undefined;
  memoryReport: MemoryReport | undefined;
  startSizesKb: ReadonlyMap<string, number> | undefined;
  /** What the Bazel path knows so far; absent on all other paths. */
  readonly action: ActionRun | undefined;
  /** Snapshot id of the ingested logs (R198). */
  logSnapshotId = '';
  /** The time limit that the run has exceeded, in milliseconds; 0 if it has not. */
  passedTimeoutMs = 0;
  stdoutRef = '';
  stderrRef = '';
  /** Cancels the current phase; a new one for each phase that can be cancelled. */
  cancellation: Cancellation | undefined;
  /** How long the upload waited for the trailer, in milliseconds: closing the outputs may take that much less (R102). */
  trailerMs = 0;
  /** The upload in progress; the limit of it, or of the trailer before it, if it has one. */
  uploading: string | undefined;
  uploadTimer: Timer | undefined;
  /** Subject of its events, created for the first. */
  #thing: Thing | undefined;

  readonly onMemoryReport: (report: MemoryReport) => void;

  constructor(
    parts: InvokerParts,
    command: Command,
    runId: string,
    onMemoryReport: (report: MemoryReport) => void,
  ) {
    this.onMemoryReport = onMemoryReport;
    this.parts = parts;
    this.command = command;
    this.runId = runId;
    this.action = isBazel(command) ? new ActionRun(parts, command) : undefined;
  }

  /** Creates a cancellation for work that begins now; the previous one had its chance. */
  freshCancellation(): Cancellation {
    const cancellation = new Cancellation();
    this.cancellation = cancellation;
    return cancellation;
  }

  /** Topic of an event of this run: the end of a phase, or a stop. */
  topic(what: InvocationPhase | 'deadline' | 'abort' | 'memory'): Topic {
    return (this.#thing ??= new Thing('run', this.runId, this.parts.name)).topic(what);
  }

  acquired(resource: ResourceKind, name: string): void {
    const { tracer, world, name: runner } = this.parts;
    tracer?.acquired(world.clock.now(), runner, this.runId, resource, name);
  }

  freed(resource: ResourceKind, name: string): void {
    const { tracer, world, name: runner } = this.parts;
    tracer?.freed(world.clock.now(), runner, this.runId, resource, name);
  }

  abandoned(resource: ResourceKind, name: string): void {
    const { tracer, world, name: runner } = this.parts;
    if (tracer === undefined) return;
    tracer.record({ at: world.clock.now(), type: 'abandoned', runner, runId: this.runId, resource, name });
  }

  /** Records an error that does not change the outcome (R90, R94). */
  recorded(what: string, error: unknown, exitCode: number = exitCodeOf(error, 0)): void {
    const { tracer, world } = this.parts;
    if (tracer === undefined) return;
    const text = messageOf(error);
    const { name: runner } = this.parts;
    tracer.record({
      at: world.clock.now(),
      type: 'recorded',
      runner,
      runId: this.runId,
      what,
      error: text,
      exitCode,
    });
  }
}
