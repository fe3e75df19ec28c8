/** The door `dryrunner/trace`: recordings, traces, decision logs and recorded workloads. Names only, no code. */
export { RollingHash, createRollingHash } from '../kernel/rolling-hash.ts';
export { createTraceRecorder, type TraceRecorder, type TraceRecorderOptions } from './trace-recorder.ts';
export { readSwf, type SwfLog, type SwfReaderOptions, type SwfWarning } from './swf-reader.ts';
export type { SwfJob } from './swf-job.ts';
export {
  createSwfWorkload,
  type SwfAbort,
  type SwfWorkItem,
  type SwfWorkload,
  type SwfWorkloadOptions,
} from './swf-workload.ts';
