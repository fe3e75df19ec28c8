/**
 * Turns the recording of a run into what its process does in virtual time. Invariant: output keeps its recorded order, ties
 * included, and all of it comes before the end.
 */
import { describeValue, RunnerError } from '../kernel/errors.ts';
import { microsecondsOf, TIME_MS_MAX } from '../kernel/microseconds.ts';
import type { MemoryReport, ProcessStatus } from '../model/execer.ts';
import { EXIT_CODES } from '../model/exit-code.ts';
import type { Chunk } from '../model/output.ts';
import type { RecordedChunk, RecordedRun, RecordedStatus } from '../model/recording.ts';
import { isTerminal } from '../model/run-state.ts';
import type { StreamName } from './process-output.ts';
import { completeProcess, failedProcess } from './process-status.ts';

/** A chunk of output and when it comes, in microseconds from the start of the process. */
export interface PlannedChunk {
  readonly atUs: number;
  readonly stream: StreamName;
  readonly chunk: Chunk;
}

/** What ends a recorded process: by itself, killed for its memory, or not before it is stopped. */
export type PlannedEnd =
  | { readonly kind: 'ends'; readonly atUs: number; readonly status: ProcessStatus }
  | { readonly kind: 'memory'; readonly atUs: number; readonly report: MemoryReport }
  /** `delayUs` is how long it took from the request to the end. */
  | { readonly kind: 'stopped'; readonly delayUs: number };

/** What a recorded process does. */
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

function without(prefix: string, text: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
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
    // The recorded order is the truth; a time that goes back is an artefact of measuring.
    latestUs = Math.max(latestUs, microseconds(run, `output[${index}].atMs`, recorded.atMs));
    return { atUs: latestUs, stream, chunk: chunkOf(run, index, recorded) };
  });
}

/** How long the process took to die, counted from the request to stop it. */
function stopDelayUs(run: RecordedRun, startedUs: number, endedUs: number, last: RecordedStatus): number {
  const { abortedAtMs, command } = run;
  if (last.state === 'ABORTED') {
    if (abortedAtMs === undefined) return 0;
    return Math.max(0, endedUs - Math.max(startedUs, microseconds(run, 'abortedAtMs', abortedAtMs)));
  }
  const timeoutUs = microseconds(
    run,
    'command.timeoutMs',
    Math.min(Math.max(0, command.timeoutMs ?? 0), TIME_MS_MAX),
  );
  return Math.max(0, endedUs - startedUs - timeoutUs);
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
  const status = failedProcess(exitCode, without('error execing: ', error));
  return exitCode === EXIT_CODES.HIGH_INITIAL_MEMORY
    ? { kind: 'memory', atUs, report: { kind: 'initial', status } }
    : { kind: 'ends', atUs, status };
}

/**
 * Reads what a recorded process does. A run that failed before it was RUNNING does not start; one that was aborted, timed out or
 * whose recording has no end lives until it is stopped, and takes as long to die as it did.
 *
 * @throws RunnerError `RUNNER_TRACE_FORMAT` for times that are none, and chunks that are not text or bytes on a stream.
 */
export function playbackPlan(run: RecordedRun): PlaybackPlan {
  const running = run.statuses.find(({ state }) => state === 'RUNNING');
  const last = run.statuses.find(({ state }) => isTerminal(state));
  if (last?.state === 'FAILED' && running === undefined) {
    return { starts: false, error: without('could not exec: ', last.error) };
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
