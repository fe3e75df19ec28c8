/**
 * The entry point `dryrunner/kit`: what the author of a runner needs. Queue, invoker, store, execers, statuses and
 * checks. Names only, no code.
 *
 * @module dryrunner/kit
 */
export { type Cancellable, isCancelled, Cancellation } from '../model/cancellation.ts';
export { checkCommand, NO_TAGS, tagsOf } from '../model/command.ts';
export { EXIT_CODES, ExitCodeError, codedError, exitCodeOf } from '../model/exit-code.ts';
export type {
  DescribedMachine,
  HostedProcess,
  ProcessClock,
  ProcessHost,
  ProcessParts,
  StartedProcess,
} from '../model/process-host.ts';
export type { OngoingWait, WaitWatch } from '../model/wait-watch.ts';
export { type Isolate, type IsolatedPart, type Isolator, type PartContext } from '../model/isolation.ts';
export { isResultPending as isPending } from '../model/maybe-promise.ts';
export {
  LOGGING_ERR_MSG,
  NO_RUNNERS_MSG,
  RUNNER_BUSY_MSG,
  QUEUE_INITING_MSG,
  QUEUE_FULL_MSG,
  WORKER_UNHEALTHY_MSG,
  QUEUE_INVALID_MSG,
  unknownRunMessage,
} from '../model/messages.ts';
export { LOG_HEADER_END } from '../model/log-markers.ts';
export { matchesQuery, checkQuery, checkWait } from '../model/query.ts';
export {
  makeRunStatus,
  pendingStatus,
  runningStatus,
  completeStatus,
  failedStatus,
  abortStatus,
  timeoutStatus,
  withRefs,
  withError,
} from '../model/run-status.ts';
export { HEALTHY_SERVICE_STATUS, serviceStatus, formatServiceStatus } from '../model/service-status.ts';
export { unknownRun, waitCancelled, cannotHappen } from '../model/status-errors.ts';
export { type WriteOutcome, type StatusWriter } from '../model/status-writer.ts';
export { type StatusStoreOptions, type StatusStore, createStatusStore } from '../store/status-store.ts';
export { type StatusesRO, createStatusesRO } from '../store/statuses-ro.ts';
export { type DoneExecerOptions, type InstantExecer, createDoneExecer } from '../execers/done-execer.ts';
export { createErrorExecer } from '../execers/error-execer.ts';
export {
  SIM_EXECER_MARK,
  isSimCommand,
  type InterceptExecerOptions,
  createInterceptExecer,
} from '../execers/intercept-execer.ts';
export {
  type FindRecording,
  type PlaybackExecerOptions,
  type PlaybackExecer,
  recordingsByRunId,
  createPlaybackExecer,
} from '../execers/playback-execer.ts';
export { type SimExecerOptions, type SimExecer, createSimExecer } from '../execers/sim-execer.ts';
export { NULL_OUTPUT } from '../outputs/null-output.ts';
export { NULL_METRICS } from '../metrics/null-metrics.ts';
export {
  type QueueRunnerOptions,
  createQueueRunner,
  createSingleRunner,
} from '../runners/queue/create-queue-runner.ts';
export { type InvokerOptions } from '../runners/invocation/invoker-parts.ts';
export { type Invoker, createInvoker } from '../runners/invocation/invoker.ts';
export { type StatusListener, type Performance, type Performer } from '../runners/queue/performer.ts';
export { type QueueOptions, type QueueOptionsWithoutFilers } from '../runners/queue/queue-options.ts';
export { type QueueRunner } from '../runners/queue/queue-runner.ts';
export { type RunTracer } from '../model/run-tracer.ts';
export { type ServicePredicate } from '../store/service-waiters.ts';
