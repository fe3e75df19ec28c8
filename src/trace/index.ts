/**
 * The entry point `dryrunner/trace`: traces, decision logs, recordings and recorded workloads as files, and the
 * difference between two of them.
 *
 * @module dryrunner/trace
 */
export { decisionLogLines, readDecisionLog } from './decision-log-file.ts';
export type { DecisionLogFile } from './decision-log-file.ts';
export type { EventHash } from './event-hasher.ts';
export { formatEvent } from './event-text.ts';
export type { TextSource } from './line-reader.ts';
export { digestOutput } from './output-digest.ts';
export type { OutputDigestOptions } from './output-digest.ts';
export { diffRecordings } from './recording/recording-differ.ts';
export type { RecordingDifference } from './recording/recording-differ.ts';
export { formatEntry } from './recording/entry-text.ts';
export { recordedRuns } from './recording/recorded-runs.ts';
export { readRecording, recordingLines } from './recording/recording-file.ts';
export type { RecordingFile } from './recording/recording-file.ts';
export { readSimulation, simulationLines } from './simulation-file.ts';
export type { SimulationFile, SimulationRecord } from './simulation-file.ts';
export type { SwfHeader, SwfLabel } from './swf/swf-header.ts';
export { type SwfJob, readSwf, type SwfLog, type SwfReaderOptions } from './swf/swf-reader.ts';
export type { SwfWarning, SwfWarningKind } from './swf/swf-warnings.ts';
export { swfWorkload } from './swf/swf-workload.ts';
export type { SwfWorkload } from './swf/swf-workload.ts';
export { createWorkload } from './workload.ts';
export type { WorkAbort, WorkItem, Workload, WorkloadJob, WorkloadOptions, WorkOutcome } from './workload.ts';
export { diffEvents } from './trace-differ.ts';
export type { EventDifference } from './trace-differ.ts';
export { TraceFormatError } from './trace-format-error.ts';
export type { TraceFault, TraceProblem } from './trace-format-error.ts';
export { TRACE_FORMAT } from './trace-header.ts';
export type {
  DecisionsHeader,
  RecordingHeader,
  SimulationHeader,
  TraceFooter,
  TraceHeader,
  TraceKind,
} from './trace-header.ts';
export { openTrace } from './trace-reader.ts';
export type { OpenTrace, TraceEntry, TraceReaderOptions } from './trace-reader.ts';
export { createTraceRecorder } from './trace-recorder.ts';
export type { TraceRecorder, TraceRecorderOptions } from './trace-recorder.ts';
export { createTraceWriter } from './trace-writer.ts';
export type { TraceWriter } from './trace-writer.ts';
