/** Recordings as files of kind `recording`: runs as they really happened, one per line, in order of acceptance. */
import { checkIterable } from '../kernel/argument-check.ts';
import type { RecordedRun } from '../model/recorded-run.ts';
import type { TextSource } from './line-reader.ts';
import type { RecordingHeader } from './trace-header.ts';
import type { TraceReaderOptions } from './trace-reader.ts';
import { openTrace } from './trace-reader.ts';
import { createTraceWriter } from './trace-writer.ts';

/** A recording that was read. */
export interface RecordingFile {
  readonly header: RecordingHeader;
  readonly runs: readonly RecordedRun[];
}

/**
 * The lines of a recording, each with its newline.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` at the first run that the format cannot hold.
 * @example
 * ```ts
 * import { readRecording, recordingLines } from 'dryrunner/trace';
 * const run = { runId: '0', command: { argv: ['make'] }, acceptedAtMs: 0, statuses: [], output: [] };
 * const { runs } = await readRecording(recordingLines([run], { host: 'build-3' }));
 * if (runs[0]?.command.argv[0] !== 'make') throw new Error('lost');
 * ```
 */
export function* recordingLines(
  runs: Iterable<RecordedRun>,
  header: Omit<RecordingHeader, 'kind'> = {},
): Generator<string, void, void> {
  checkIterable('runs', runs);
  const writer = createTraceWriter({ kind: 'recording', ...header });
  yield writer.header();
  for (const run of runs) yield writer.run(run);
  yield writer.end();
}

/**
 * Reads a whole recording.
 *
 * @throws TraceFormatError for anything but a whole file of kind `recording`.
 */
export async function readRecording(
  source: TextSource,
  options: Omit<TraceReaderOptions, 'kind'> = {},
): Promise<RecordingFile> {
  const trace = await openTrace(source, { ...options, kind: 'recording' });
  const runs: RecordedRun[] = [];
  for await (const entry of trace) if (entry.type === 'run') runs.push(entry.run);
  return { header: trace.header as RecordingHeader, runs };
}
