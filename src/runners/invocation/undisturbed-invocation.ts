/**
 * A simulated run that nothing disturbs: its process starts, ends by itself and writes nothing. Nearly all runs of a
 * simulation are like this, so this class creates neither context nor outputs nor phases, and passes its trace on in
 * two rows. Invariant: everything else (abort, deadline, memory cap, output, a process that fails) is taken over by an
 * {@link Invocation}, in exactly the state in which it would be.
 */
import type { Timer } from '../../kernel/clock.ts';
import { invariant } from '../../kernel/invariant.ts';
import { Thing } from '../../kernel/question.ts';
import type { ScriptExecer } from '../../execers/sim-execer.ts';
import type { SimProcess } from '../../execers/sim-process.ts';
import { tagsOf, type Command } from '../../model/command.ts';
import type { ExecCommand, MemoryReport, ProcessStatus, Sink } from '../../model/execer.ts';
import { TEMP_DIR_NAME } from '../../model/undisturbed-run.ts';
import { makeRunStatus, runningStatus } from '../../model/run-status.ts';
import { isPlainId } from '../../outputs/output-id.ts';
import type { MemoryOutputFolder } from '../../outputs/memory-output.ts';
import type { PrivateTempDirs } from '../virtual-temp-dirs.ts';
import type { Performance, StatusListener } from '../queue/performer.ts';
import { Invocation, startInvocation } from './invocation.ts';
import type { InvokerParts } from './invoker-parts.ts';
import { RunContext } from './run-context.ts';
import { UnreadLogs } from './unread-logs.ts';

const NO_ENV: NonNullable<ExecCommand['envVars']> = Object.freeze({});

/** Collaborators that answer synchronously, trace nothing and never fail. */
export interface PlainParts {
  readonly execer: ScriptExecer;
  readonly outputs: MemoryOutputFolder;
  readonly tempDirs: PrivateTempDirs;
}

/** True if a run may go undisturbed: it has no snapshot, so no filer, and an id that outputs accept unchanged. */
export function mayRunUndisturbed({ snapshotId = '' }: Command, runId: string): boolean {
  return snapshotId === '' && isPlainId(runId);
}

/** A run in progress; it also is the command that the execer gets. */
export class UndisturbedInvocation implements Performance, ExecCommand {
  readonly runId: string;
  readonly #parts: InvokerParts;
  readonly #plain: PlainParts;
  readonly #command: Command;
  readonly #onStatus: StatusListener;
  readonly #startedAt: number;
  #logs: UnreadLogs | undefined;
  #deadline: Timer | undefined;
  #process: SimProcess | undefined;
  #ended: ProcessStatus | undefined;
  #isOver = false;
  /** The invocation that has taken over. */
  #successor: Invocation | undefined;

  constructor(
    parts: InvokerParts,
    plain: PlainParts,
    command: Command,
    runId: string,
    onStatus: StatusListener,
  ) {
    this.runId = runId;
    this.#parts = parts;
    this.#plain = plain;
    this.#command = command;
    this.#onStatus = onStatus;
    this.#startedAt = parts.world.clock.now();
  }

  get argv(): readonly string[] {
    return this.#command.argv;
  }

  get envVars(): NonNullable<ExecCommand['envVars']> {
    return this.#command.envVars ?? NO_ENV;
  }

  get dir(): string {
    return this.#plain.tempDirs.pathOf(`run-${this.runId}`);
  }

  get stdout(): Sink {
    return this.#unread().opened().stdoutSink;
  }

  get stderr(): Sink {
    return this.#unread().opened().stderrSink;
  }

  get jobId(): string {
    return this.#command.jobId ?? '';
  }

  get taskId(): string {
    return this.#command.taskId ?? '';
  }

  get tag(): string {
    return this.#command.tag ?? '';
  }

  get runner(): string {
    return this.#parts.name;
  }

  onMemoryReport(report: MemoryReport): void {
    this.#takenOver().reportMemory(report);
  }

  /**
   * Starts the process. RUNNING is emitted before this returns, and so is the terminal status if the process takes no
   * time.
   */
  start(): Performance {
    const { clock } = this.#parts.world;
    const { timeoutMs = 0 } = this.#command;
    if (timeoutMs > 0) {
      const topic = new Thing('run', this.runId, this.runner).topic('deadline');
      this.#deadline = clock.timer(topic, timeoutMs, () => this.#takenOver().passDeadline(timeoutMs));
    }
    let process: SimProcess;
    try {
      process = this.#plain.execer.exec(this);
    } catch {
      // An invalid script has had no effect yet, so the run restarts as a full invocation.
      this.#deadline?.cancel();
      return startInvocation(this.#parts, this.#command, this.runId, this.#onStatus);
    }
    this.#process = process;
    const { stdoutRef, stderrRef } = this.#unread();
    this.#onStatus(runningStatus(this.runId, stdoutRef, stderrRef, tagsOf(this.#command)), TEMP_DIR_NAME);
    const status = process.whenEnded(this);
    if (status?.faults !== undefined) this.#takenOver();
    else if (status !== undefined) {
      this.#keepEnd(status);
      this.#finish();
    }
    return this;
  }

  abort(): void {
    if (!this.#isOver) this.#takenOver().abort();
  }

  /** Called by the process once, unless an invocation has taken over. */
  processEnded(status: ProcessStatus): void {
    if (status.faults === undefined) this.#keepEnd(status);
    else {
      this.#ended = status;
      this.#takenOver().keepEnd(status);
    }
    this.#parts.world.clock.post(new Thing('run', this.runId, this.runner).topic('wait'), () =>
      this.#finish(),
    );
  }

  /** Called by the process when something disturbs it. */
  processDisturbed(): void {
    this.#takenOver();
  }

  #keepEnd(status: ProcessStatus): void {
    this.#ended = status;
    const { world, tracer, name } = this.#parts;
    tracer?.freed(world.clock.now(), name, this.runId, 'process', 'process');
  }

  #finish(): void {
    const { state, exitCode, error } = this.#ended as ProcessStatus;
    if (this.#successor !== undefined || state !== 'COMPLETE' || this.#unread().hasBytes) {
      this.#takenOver().endWait();
      return;
    }
    this.#isOver = true;
    this.#deadline?.cancel();
    const logs = this.#unread();
    logs.close();
    const outcome = { snapshotId: '', exitCode, error };
    this.#onStatus(makeRunStatus(this.runId, state, tagsOf(this.#command), logs, outcome), TEMP_DIR_NAME);
  }

  #unread(): UnreadLogs {
    const { world } = this.#parts;
    this.#logs ??= new UnreadLogs(this.#plain.outputs, this.runId, this.#command, world);
    return this.#logs;
  }

  /** The invocation that continues from here, created at the first disturbance. */
  #takenOver(): Invocation {
    if (this.#successor !== undefined) return this.#successor;
    const process = this.#process;
    invariant(process !== undefined, 'expected a process that was started');
    const run = new RunContext(this.#parts, this.#command, this.runId, (report) =>
      this.onMemoryReport(report),
    );
    const logs = this.#unread().opened();
    run.phase = 'wait';
    run.checkout = this.#plain.tempDirs.create(`run-${this.runId}`);
    run.logs = logs;
    run.openOutputs.push(logs.stdout, logs.stderr, logs.stdlog);
    run.stdoutRef = logs.stdout.uri;
    run.stderrRef = logs.stderr.uri;
    run.process = process;
    run.processStatus = this.#ended;
    const successor = new Invocation(this.#parts, run, this.#onStatus, this.#startedAt);
    this.#successor = successor;
    process.whenEnded(undefined);
    successor.takeOver(this.#deadline);
    return successor;
  }
}
