/** The runs of a recording, each as one object: input of a playback execer, and a view for people. */
import { millisecondsBetween } from '../../kernel/microseconds.ts';
import type {
  RecordedChunk,
  RecordedRun,
  RecordedStatus,
  RecordedEntry,
  Recording,
} from '../../model/recording.ts';
import type { RunStatus } from '../../model/run-status.ts';
import { checkRecording } from './recording-shape.ts';

interface RunSoFar {
  readonly about: Omit<RecordedRun, 'statuses' | 'output' | 'abortedAtMs'>;
  readonly statuses: RecordedStatus[];
  readonly output: RecordedChunk[];
  abortedAtMs?: number;
  /** When its process was requested. */
  startedAt: number;
}

/**
 * The runs of a recording, in order of acceptance, each with its runner, because ids are unique only within one. Times
 * of statuses count from the acceptance, those of output from the start of the process. Output that the recording does
 * not contain is left out.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for anything but a recording.
 * @example
 * ```ts
 * import { recordedRuns } from 'dryrunner/trace';
 * const [run] = recordedRuns({
 *   entries: [{ at: 5, type: 'accepted', runner: 'exec', runId: '0', command: { argv: ['make'] } }],
 * });
 * if (run?.acceptedAtMs !== 5) throw new Error('one run');
 * ```
 */
export function recordedRuns(recording: Recording): RecordedRun[] {
  checkRecording('recording', recording);
  const collected = new CollectedRuns();
  for (const entry of recording.entries) collected.take(entry);
  return collected.runs();
}

class CollectedRuns {
  readonly #byKey = new Map<string, RunSoFar>();
  /** PENDING statuses, which a runner writes just before it reports that it has accepted the run. */
  readonly #early = new Map<string, RunStatus>();

  take(entry: RecordedEntry): void {
    const { at, runner, type } = entry;
    if (type === 'accepted') this.#accept(entry);
    if (type === 'status') this.#see(runner, at, entry.status);
    if (type === 'output') this.#write(entry);
    if (type === 'abort') {
      const run = this.#find(runner, entry.runId);
      if (run !== undefined) run.abortedAtMs ??= millisecondsBetween(run.about.acceptedAtMs, at);
    }
    if (type === 'asked' && entry.what === 'exec') {
      const run = this.#find(runner, entry.name);
      if (run !== undefined) run.startedAt = at;
    }
  }

  runs(): RecordedRun[] {
    return [...this.#byKey.values()].map(({ about, statuses, output, abortedAtMs }) => ({
      ...about,
      statuses,
      output,
      ...(abortedAtMs === undefined ? {} : { abortedAtMs }),
    }));
  }

  #find(runner: string, runId: string): RunSoFar | undefined {
    return this.#byKey.get(keyOf(runner, runId));
  }

  #accept({ at, runner, runId, command }: Extract<RecordedEntry, { type: 'accepted' }>): void {
    const key = keyOf(runner, runId);
    const pending = this.#early.get(key);
    this.#byKey.set(key, {
      about: { runId, runner, command, acceptedAtMs: at },
      statuses: pending === undefined ? [] : [recordedStatus(pending, 0)],
      output: [],
      startedAt: at,
    });
  }

  #see(runner: string, at: number, status: RunStatus): void {
    const run = this.#find(runner, status.runId);
    if (run === undefined) this.#early.set(keyOf(runner, status.runId), status);
    else run.statuses.push(recordedStatus(status, millisecondsBetween(run.about.acceptedAtMs, at)));
  }

  #write({ at, runner, runId, stream, ...content }: Extract<RecordedEntry, { type: 'output' }>): void {
    const run = this.#find(runner, runId);
    if (run === undefined || content.cutBytes !== undefined) return;
    const atMs = millisecondsBetween(run.startedAt, at);
    const { base64, text = content.utf8 ?? '' } = content;
    run.output.push(base64 === undefined ? { atMs, stream, text } : { atMs, stream, base64 });
  }
}

function keyOf(runner: string, runId: string): string {
  return JSON.stringify([runner, runId]);
}

function recordedStatus({ state, exitCode, error }: RunStatus, atMs: number): RecordedStatus {
  return { atMs, state, exitCode, error };
}
