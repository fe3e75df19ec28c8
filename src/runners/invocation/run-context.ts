/**
 * What one invocation holds while it lives: its command, checkout, logs, process and the cancellation of the phase at work.
 * Invariant: whatever is put here is given back by the phase that is named after it.
 */
import { messageOf } from '../../kernel/errors.ts';
import type { Timer } from '../../kernel/clock.ts';
import { thing, type Thing, type Topic } from '../../kernel/question.ts';
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

/** The bag that the phases work on. */
export class RunContext {
  readonly parts: InvokerParts;
  /** What is carried out: on the Bazel path, from its look-up on, what the action says (R187). */
  command: Command;
  readonly runId: string;
  /** The phase at work; a collaborator that comes back in another phase has been given up (R106). */
  phase: InvocationPhase = 'preprocess';
  stop: StopCause = 'none';
  checkout: Checkout | undefined;
  /** Outputs that have been created, by the order of their creation; undefined once they are closed. */
  readonly openOutputs: (Output | undefined)[] = Array.of();
  /** Somebody has begun to close them. */
  areOutputsClosing = false;
  logs: RunLogs | undefined;
  process: Process | undefined;
  /** How the process ended, once it has. */
  processStatus: ProcessStatus | undefined;
  memoryReport: MemoryReport | undefined;
  startSizesKb: ReadonlyMap<string, number> | undefined;
  /** What the Bazel path has found out so far; absent on all others. */
  readonly action: ActionRun | undefined;
  /** What the logs were ingested as (R198). */
  logSnapshotId = '';
  /** The limit that the run has exceeded, if it has. */
  passedTimeoutMs = 0;
  stdoutRef = '';
  stderrRef = '';
  /** Stops the phase at work; a fresh one per phase that can be cancelled. */
  cancellation: Cancellation | undefined;
  /** The upload at work, and its limit if it has one. */
  uploading: string | undefined;
  uploadTimer: Timer | undefined;
  /** What its events are about, once it has any. */
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

  /** A cancellation for what begins now; the one before has had its chance. */
  freshCancellation(): Cancellation {
    const cancellation = new Cancellation();
    this.cancellation = cancellation;
    return cancellation;
  }

  /** What an event of this run is about: the end of a phase, or what stops it. */
  topic(what: InvocationPhase | 'deadline' | 'abort' | 'memory'): Topic {
    return (this.#thing ??= thing('run', this.runId)).topic(what);
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

  /** Keeps an error that changes no outcome (R90, R94). */
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
