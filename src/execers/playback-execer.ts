/** The execer that plays back recorded runs: output and end at their times, in their order, on the injected clock. */
import * as is from '../kernel/shape.ts';
import { describeValue, RunnerError, invalidArgument } from '../kernel/errors.ts';
import { microsecondsOf, TIME_MS_MAX } from '../kernel/microseconds.ts';
import type { MemoryReport, ProcessStatus, ExecCommand, Execer, Process } from '../model/execer.ts';
import { failedReason, notStartedReason } from '../model/end-text.ts';
import { EXIT_CODES } from '../model/exit-code.ts';
import type { Chunk } from '../model/output.ts';
import type { RecordedChunk, RecordedRun, RecordedStatus } from '../model/recording.ts';
import { isTerminal } from '../model/run-state.ts';
import type { StreamName } from './process-output.ts';
import { completeProcess, failedProcess } from './process-status.ts';
import type { Timer } from '../kernel/clock.ts';
import type { Topic } from '../kernel/question.ts';
import { ProcessTable, VIRTUAL_EXECER_FIELDS, type VirtualExecerOptions } from './virtual-processes.ts';
import { VirtualProcess } from './virtual-process.ts';
import { check, checkedIterable } from '../kernel/argument-check.ts';
import { REST_OF_WORLD } from '../model/world.ts';

/** A chunk of output and when it is written, in microseconds from the start of the process. */
export interface PlannedChunk {
  readonly atUs: number;
  readonly stream: StreamName;
  readonly chunk: Chunk;
}

/** How a recorded process ends: by itself, killed for its memory, or only when stopped. */
export type PlannedEnd =
  | { readonly kind: 'ends'; readonly atUs: number; readonly status: ProcessStatus }
  | { readonly kind: 'memory'; readonly atUs: number; readonly report: MemoryReport }
  /** `delayUs` is the time from the request to stop until the end. */
  | { readonly kind: 'stopped'; readonly delayUs: number };

/**
 * What the process of a recorded run does in virtual time. Invariant: output keeps its recorded order, ties included,
 * and all of it comes before the end.
 */
export type PlaybackPlan =
  | { readonly starts: false; readonly error: string }
  | { readonly starts: true; readonly chunks: readonly PlannedChunk[]; readonly end: PlannedEnd };

const STREAMS: readonly string[] = ['stdout', 'stderr'];

function broken(run: RecordedRun, field: string, expected: string, actual: unknown): RunnerError {
  const message = `Recording of run ${run.runId}: ${field}: expected ${expected}, got ${describeValue(actual)}`;
  return new RunnerError('RUNNER_TRACE_FORMAT', message, { expected, actual });
}

function microseconds(run: RecordedRun, field: string, ms: number): number {
  if (!(ms >= 0 && ms <= TIME_MS_MAX)) throw broken(run, field, `a number from 0 to ${TIME_MS_MAX}`, ms);
  return microsecondsOf(ms);
}

function chunkOf(run: RecordedRun, index: number, { text, base64 }: RecordedChunk): Chunk {
  if (text !== undefined && base64 === undefined) return text;
  if (base64 !== undefined && text === undefined) return Buffer.from(base64, 'base64');
  throw broken(run, `output[${index}]`, 'either text or base64', text === undefined ? 'neither' : 'both');
}

function planChunks(run: RecordedRun): PlannedChunk[] {
  let latestUs = 0;
  return run.output.map((recorded, index) => {
    const { stream } = recorded;
    if (!STREAMS.includes(stream)) {
      throw broken(run, `output[${index}].stream`, 'stdout or stderr', stream);
    }
    // The recorded order is right; a time that goes backwards is an artefact of measuring.
    latestUs = Math.max(latestUs, microseconds(run, `output[${index}].atMs`, recorded.atMs));
    return { atUs: latestUs, stream, chunk: chunkOf(run, index, recorded) };
  });
}

/**
 * How long the process took to die, from the first request to stop it: that may be its timeout rather than the abort.
 */
function stopDelayUs(run: RecordedRun, startedUs: number, endedUs: number, last: RecordedStatus): number {
  const { abortedAtMs, command } = run;
  const timeoutUs = microseconds(
    run,
    'command.timeoutMs',
    Math.min(Math.max(0, command.timeoutMs ?? 0), TIME_MS_MAX),
  );
  if (last.state !== 'ABORTED') return Math.max(0, endedUs - startedUs - timeoutUs);
  if (abortedAtMs === undefined) return 0;
  const deadlineUs = timeoutUs === 0 ? Infinity : startedUs + timeoutUs;
  const abortUs = microseconds(run, 'abortedAtMs', abortedAtMs);
  return Math.max(0, endedUs - Math.max(startedUs, Math.min(abortUs, deadlineUs)));
}

function naturalEnd(atUs: number, { state, exitCode, error }: RecordedStatus): PlannedEnd {
  if (state === 'COMPLETE') {
    const status = completeProcess(exitCode, error);
    const overCap = exitCode === 1 && error.startsWith('Cmd exceeded MemoryCap');
    return overCap
      ? { kind: 'memory', atUs, report: { kind: 'exceeded', status } }
      : { kind: 'ends', atUs, status };
  }
  if (state === 'UNKNOWN') return { kind: 'ends', atUs, status: { state, exitCode, error } };
  const status = failedProcess(exitCode, failedReason(error) ?? error);
  return exitCode === EXIT_CODES.HIGH_INITIAL_MEMORY
    ? { kind: 'memory', atUs, report: { kind: 'initial', status } }
    : { kind: 'ends', atUs, status };
}

/**
 * Plans what a recorded process does. A run that failed before it was RUNNING does not start; one that was aborted,
 * timed out or has no recorded end runs until it is stopped, and then takes as long to die as it was recorded to.
 *
 * @throws RunnerError `RUNNER_TRACE_FORMAT` for invalid times, and for chunks that are not text or bytes on a stream.
 */
function playbackPlan(run: RecordedRun): PlaybackPlan {
  const running = run.statuses.find(({ state }) => state === 'RUNNING');
  const last = run.statuses.find(({ state }) => isTerminal(state));
  if (last?.state === 'FAILED' && running === undefined) {
    return { starts: false, error: notStartedReason(last.error) ?? last.error };
  }
  const chunks = planChunks(run);
  if (last === undefined) return { starts: true, chunks, end: { kind: 'stopped', delayUs: 0 } };
  const startedUs = microseconds(run, 'RUNNING at', running?.atMs ?? 0);
  const endedUs = microseconds(run, `${last.state} at`, last.atMs);
  if (last.state === 'ABORTED' || last.state === 'TIMEDOUT') {
    const delayUs = stopDelayUs(run, startedUs, endedUs, last);
    return { starts: true, chunks, end: { kind: 'stopped', delayUs } };
  }
  const atUs = Math.max(endedUs - startedUs, chunks.at(-1)?.atUs ?? 0, 0);
  return { starts: true, chunks, end: naturalEnd(atUs, last) };
}

/**
 * A process that repeats what was recorded. Invariant: it has at most one timer at a time, so that output and end that
 * are due together keep their recorded order, whatever the clock's policy is.
 */
class PlaybackProcess extends VirtualProcess {
  readonly #chunks: readonly PlannedChunk[];
  readonly #end: PlannedEnd;
  readonly #startedAtMs: number;
  readonly #topic: Topic;
  #next = 0;
  /** When it ends, in microseconds from its start; `Infinity` for a stopped one until it is asked to stop. */
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

  /** Does everything that is due, and sets the timer for the next event. */
  play(): void {
    const nowUs = this.#elapsedUs();
    while (!this.hasEnded()) {
      const planned = this.#chunks[this.#next];
      if (planned === undefined || planned.atUs > Math.min(nowUs, this.#endAtUs)) break;
      this.#next++;
      this.write(planned.stream, planned.chunk);
    }
    if (this.hasEnded()) return;
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
        // `VirtualProcess` turns this into an abort, because this kind ends only after a request to stop.
        this.end(completeProcess(0));
        break;
    }
  }
}

/** Finds the recording for a command; undefined if there is none. */
export type FindRecording = (command: ExecCommand) => RecordedRun | undefined;

/** Options of {@link createPlaybackExecer}. */
export interface PlaybackExecerOptions extends VirtualExecerOptions {
  readonly recordingOf: FindRecording;
  /** The longest that a recorded process may take to die before it is killed. Default 15,000 ms. */
  readonly graceMs?: number | undefined;
}

const { clock, ...times } = VIRTUAL_EXECER_FIELDS;
const PLAYBACK_OPTIONS = is.optionsOf<PlaybackExecerOptions>(
  { clock, recordingOf: is.FUNCTION },
  { ...REST_OF_WORLD, ...times },
);
const RECORDED_RUN = is.objectOf<Pick<RecordedRun, 'runner' | 'runId'>>(
  'recorded runs',
  { runId: is.TEXT },
  { runner: is.TEXT },
);
const RUN_OF_COMMAND = is.objectOf<Pick<ExecCommand, 'runner' | 'runId'>>(
  'an object with argv',
  {},
  { runner: is.TEXT, runId: is.TEXT },
);

/** An execer that plays back recordings. */
export interface PlaybackExecer extends Execer {
  /**
   * Starts the recorded process.
   *
   * @throws RunnerError `RUNNER_EXEC_FAILED` if there is no recording for the command or the recorded one could not be
   * started, `RUNNER_TRACE_FORMAT` if its recording is invalid.
   */
  exec(command: ExecCommand): Process;
  /** Number of processes that have not ended. */
  readonly livingProcesses: number;
}

/**
 * Finds recordings by the runner and the run id of the command; by the run id alone if only one runner has a run with
 * that id. See {@link createPlaybackExecer}.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for two recordings of the same run of the same runner. Errors of the
 * iterator `runs` are rethrown.
 */
export function recordingsByRunId(runs: Iterable<RecordedRun>): FindRecording {
  const byKey = new Map<string, RecordedRun>();
  const byId = new Map<string, RecordedRun | undefined>();
  for (const run of checkedIterable('runs', runs)) {
    check('runs', run, RECORDED_RUN);
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
    this.#recordingOf = options.recordingOf;
    this.cancelBoundMs = this.#table.cancelBoundMs;
  }

  get livingProcesses(): number {
    return this.#table.living;
  }

  exec(command: ExecCommand): Process {
    check('command', command, RUN_OF_COMMAND);
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
 * Makes an execer that repeats recordings: each chunk of output at its time from the start of the process, and the end
 * when the recorded run ended, with its exit code. A process that was stopped in the recording waits to be stopped
 * again, and takes as long to die as recorded. Any other process ends at once when aborted.
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
  check('options', options, PLAYBACK_OPTIONS);
  return new PlayingExecer(options);
}
