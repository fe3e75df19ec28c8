/** Recordings as files of kind `recording`: the inputs and outputs of the recorded runners in order, one per line. */
import * as is from '../../kernel/shape.ts';
import { check } from '../../kernel/argument-check.ts';
import { isStep, type RecordedEntry, type Recording } from '../../model/recording.ts';
import type { TextSource } from '../line-reader.ts';
import type { RecordingHeader } from '../trace-header.ts';
import type { TraceReaderOptions } from '../trace-reader.ts';
import { READER_OPTIONS, openTrace } from '../trace-reader.ts';
import { createTraceWriter } from '../trace-writer.ts';

/** The content of a recording file. */
export interface RecordingFile extends Recording {
  readonly header: RecordingHeader;
  /** Whether the sums of its last line are those of its lines; false only if read with `isEdited`. */
  readonly sumsFit: boolean;
}

/**
 * The lines of a recording, each with its newline.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` at the first entry that the format cannot hold.
 * @example
 * ```ts
 * import { readRecording, recordingLines } from 'dryrunner/trace';
 * const recording = { entries: [{ at: 5, type: 'released', runner: 'exec' }] } as const;
 * const { entries } = await readRecording(recordingLines(recording, { host: 'build-3' }));
 * if (entries[0]?.at !== 5) throw new Error('lost');
 * ```
 */
export function* recordingLines(
  recording: Recording,
  header: Omit<RecordingHeader, 'kind'> = {},
): Generator<string, void, void> {
  check('recording', recording, is.readable('a recording'));
  check('recording.entries', recording.entries, is.listOf(is.readable('an entry of a recording')));
  check('header', header, is.readable('an object'));
  const writer = createTraceWriter({ ...header, kind: 'recording' });
  yield writer.header();
  for (const entry of recording.entries) yield isStep(entry) ? writer.step(entry) : writer.event(entry);
  yield writer.end();
}

/**
 * Reads a whole recording.
 * See {@link recordingLines}.
 *
 * @throws TraceFormatError for anything but a complete file of kind `recording`.
 */
export async function readRecording(
  source: TextSource,
  options: Omit<TraceReaderOptions, 'kind'> = {},
): Promise<RecordingFile> {
  check('options', options, READER_OPTIONS);
  const trace = await openTrace(source, { ...options, kind: 'recording' });
  const entries: RecordedEntry[] = [];
  for await (const line of trace) {
    if (line.type === 'event') entries.push(line.event);
    if (line.type === 'step') entries.push(line.step);
  }
  return { header: trace.header as RecordingHeader, entries, sumsFit: trace.sumsFit === true };
}
