/** The execer that plays recorded runs again: output and end at their times, in their order, on the injected clock. */
import type { Timer } from '../kernel/clock.ts';
import type { Topic } from '../kernel/question.ts';
import type { ExecCommand, Execer, Process } from '../model/execer.ts';
import { ProcessTable, type VirtualExecerOptions } from './virtual-processes.ts';
import { type PlannedChunk, type PlannedEnd, playbackPlan } from './playback-plan.ts';
import { completeProcess } from './process-status.ts';
import { VirtualProcess } from './virtual-process.ts';
import { checkedIterable, checkOptions, checkRecord } from '../kernel/argument-check.ts';
import { invalidArgument, RunnerError } from '../kernel/errors.ts';
import type { RecordedRun } from '../model/recording.ts';

/**
 * One process that does again what was recorded. Invariant: it holds one timer at a time, so that output and end that are due
 * together keep their recorded order whatever the clock's policy is.
 *
 * A process that follows a recording.
 */
class PlaybackProcess extends VirtualProcess {
  readonly #chunks: readonly PlannedChunk[];
  readonly #end: PlannedEnd;
  readonly #startedAtMs: number;
  readonly #topic: Topic;
  #next = 0;
  /** When it ends, from its start; `Infinity` while nothing has asked a stopped one to stop. */
  #endAtUs: number;
  #timer: Timer | undefined;

  constructor(table: ProcessTable, command: ExecCommand, chunks: readonly PlannedChunk[], end: PlannedEnd) {
    super(table, command);
    this.#chunks = chunks;
    this.#end = end;
    this.#startedAtMs = table.clock.now();
    this.#topic = this.topic('recorded');
    this.#endAtUs = end.kind === 'stopped' ? Infinity : end.atUs;
  }

  /** Does all that is due and sets the timer for what comes next. */
  play(): void {
    const nowUs = this.#elapsedUs();
    while (!this.ended) {
      const planned = this.#chunks[this.#next];
      if (planned === undefined || planned.atUs > Math.min(nowUs, this.#endAtUs)) break;
      this.#next++;
      this.write(planned.stream, planned.chunk);
    }
    if (this.ended) return;
    if (this.#endAtUs <= nowUs) this.#finish();
    else this.#setTimer(nowUs);
  }

  protected override takeTerm(): boolean {
    if (this.#end.kind !== 'stopped' || this.#end.delayUs === 0) return true;
    const nowUs = this.#elapsedUs();
    this.#endAtUs = nowUs + this.#end.delayUs;
    this.#setTimer(nowUs);
    return false;
  }

  protected override bury(): void {
    this.#timer?.cancel();
  }

  #elapsedUs(): number {
    return Math.round((this.table.clock.now() - this.#startedAtMs) * 1000);
  }

  #setTimer(nowUs: number): void {
    this.#timer?.cancel();
    const nextUs = Math.min(this.#chunks[this.#next]?.atUs ?? Infinity, this.#endAtUs);
    if (nextUs === Infinity) return;
    const delayMs = Math.max(0, nextUs - nowUs) / 1000;
    this.#timer = this.table.clock.timer(this.#topic, delayMs, () => this.play());
  }

  #finish(): void {
    switch (this.#end.kind) {
      case 'ends':
        this.end(this.#end.status);
        break;
      case 'memory':
        this.endByMemory(this.#end.report);
        break;
      case 'stopped':
        // The base makes an abort of it, because this kind ends only after a request to stop.
        this.end(completeProcess(0));
        break;
    }
  }
}

/** Finds the recording that a command is to repeat. */
export type FindRecording = (command: ExecCommand) => RecordedRun | undefined;

/** What to play, and where. */
export interface PlaybackExecerOptions extends VirtualExecerOptions {
  readonly recordingOf: FindRecording;
  /** The longest that a recorded process may take to die; it is killed then. Default 15,000 ms. */
  readonly graceMs?: number | undefined;
}

/** An execer that plays recordings. */
export interface PlaybackExecer extends Execer {
  /**
   * @throws RunnerError `RUNNER_EXEC_FAILED` if there is no recording for the command or the recorded one could not be started,
   * `RUNNER_TRACE_FORMAT` if its recording is broken.
   */
  exec(command: ExecCommand): Process;
  /** Processes that have not ended. */
  readonly livingProcesses: number;
}

/**
 * Finds recordings by the runner and the run id of the command; by the run id alone, where only one runner has a run of that id.
 * See {@link createPlaybackExecer}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for two recordings of the same run of the same runner. What `runs` throws on the way
 * passes through.
 */
export function recordingsByRunId(runs: Iterable<RecordedRun>): FindRecording {
  const byKey = new Map<string, RecordedRun>();
  const byId = new Map<string, RecordedRun | undefined>();
  for (const run of checkedIterable('runs', runs)) {
    checkRecord('runs', 'recorded runs', run);
    const { runner, runId } = run;
    const key = keyOf(runner, runId);
    if (byKey.has(key)) {
      throw invalidArgument('runs', `one recording of ${runText(runner, runId)}`, 'two');
    }
    byKey.set(key, run);
    byId.set(runId, byId.has(runId) ? undefined : run);
  }
  return ({ runner, runId }) =>
    runId === undefined ? undefined : (byKey.get(keyOf(runner, runId)) ?? byId.get(runId));
}

function keyOf(runner: string | undefined, runId: string): string {
  return JSON.stringify([runner ?? '', runId]);
}

function runText(runner: string | undefined, runId = '(none)'): string {
  return `run ${runId}${runner === undefined ? '' : ` of ${runner}`}`;
}

class PlayingExecer implements PlaybackExecer {
  readonly #table: ProcessTable;
  readonly #recordingOf: FindRecording;
  readonly cancelBoundMs: number;

  constructor(options: PlaybackExecerOptions) {
    this.#table = new ProcessTable({ ...options, graceMs: options.graceMs ?? 15_000 });
    if (typeof options.recordingOf !== 'function') {
      throw invalidArgument('recordingOf', 'a function', options.recordingOf);
    }
    this.#recordingOf = options.recordingOf;
    this.cancelBoundMs = this.#table.cancelBoundMs;
  }

  get livingProcesses(): number {
    return this.#table.living;
  }

  exec(command: ExecCommand): Process {
    checkRecord('command', 'an object with argv', command);
    const recording = this.#recordingOf(command);
    if (recording === undefined) {
      const message = `No recording of ${runText(command.runner, command.runId)}`;
      throw new RunnerError('RUNNER_EXEC_FAILED', message, {
        expected: 'a recorded run',
        actual: command.runId,
      });
    }
    const plan = playbackPlan(recording);
    if (!plan.starts) throw new RunnerError('RUNNER_EXEC_FAILED', plan.error);
    const process = new PlaybackProcess(this.#table, command, plan.chunks, plan.end);
    process.play();
    return process;
  }
}

/**
 * Makes an execer that repeats recordings: each chunk of output at its time from the start of the process, the end when the
 * recorded run ended, with its exit code. A process that was stopped in the recording waits to be stopped again, and takes as
 * long to die as it did. Whatever else an abort meets ends at once.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a time that is negative or not finite.
 *
 * @example
 * ```ts
 * import { createPlaybackExecer, recordingsByRunId } from 'dryrunner/kit';
 * import { createVirtualClock } from 'dryrunner/kernel';
 * const clock = createVirtualClock();
 * const execer = createPlaybackExecer({
 *   clock,
 *   recordingOf: recordingsByRunId([
 *     {
 *       runId: '0',
 *       command: { argv: ['make'] },
 *       acceptedAtMs: 0,
 *       statuses: [
 *         { atMs: 1, state: 'RUNNING', exitCode: 0, error: '' },
 *         { atMs: 41, state: 'COMPLETE', exitCode: 2, error: '' },
 *       ],
 *       output: [{ atMs: 12.5, stream: 'stderr', text: 'no rule\n' }],
 *     },
 *   ]),
 * });
 * const process = execer.exec({ argv: ['make'], dir: '/', jobId: '', taskId: '', tag: '', runId: '0' });
 * while (clock.step());
 * const { exitCode } = await process.wait();
 * if (exitCode !== 2 || clock.now() !== 40) throw new Error('expected the recorded end');
 * ```
 */
export function createPlaybackExecer(options: PlaybackExecerOptions): PlaybackExecer {
  checkOptions(options);
  return new PlayingExecer(options);
}
