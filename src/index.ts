/**
 * The entry point `dryrunner`: what the author of a scenario needs. Runners, nodes and networks, ways to look at runs,
 * models and histories, `simulate`. Names only, no code.
 *
 * @module dryrunner
 */
export { type Timer, type Clock, sleep } from './kernel/clock.ts';
export { type Decision, type DecisionSource } from './kernel/decisions.ts';
export {
  type RunnerErrorCode,
  type RunnerErrorDetails,
  RunnerError,
  isRunnerError,
} from './kernel/errors.ts';
export {
  type Label,
  type QuestionKind,
  type TopicParts,
  type Question,
  type Thing,
  type Topic,
  type QuestionData,
} from './kernel/question.ts';
export { type RandomStream } from './kernel/random.ts';
export { type ClockSkew, skewedClock } from './kernel/skewed-clock.ts';
export {
  type Action,
  type ActionCommand,
  type ActionMetadata,
  type ActionOutcome,
  type ActionOutputs,
  type ActionResult,
  type ExecuteRequest,
  type OutputDirectory,
  type OutputFile,
  type OutputSymlink,
  type PlatformProperty,
  type RpcCode,
  type RpcStatus,
  type RpcViolation,
} from './model/action.ts';
export { type Digest } from './model/digest.ts';
export { type Processor, type LogUploader, type DirMonitor, type TempDirs } from './model/collaborators.ts';
export { type CommandTextOptions, formatCommand, type LogTags, type Command } from './model/command.ts';
export {
  type ProcessState,
  type ProcessStatus,
  type Sink,
  type MemoryReport,
  type ExecCommand,
  type Process,
  type Execer,
} from './model/execer.ts';
export { type ExitCode } from './model/exit-code.ts';
export { type Checkout, type Checkouter, type Ingester, type Updater, type Filer } from './model/filer.ts';
export { formatGoDuration } from './model/go-duration.ts';
export { type MaybePromise } from './model/maybe-promise.ts';
export {
  METRIC_NAMES,
  type MetricName,
  type Counter,
  type Gauge,
  type Histogram,
  type Metrics,
} from './model/metrics.ts';
export { type Chunk, type Output, type OutputCreator } from './model/output.ts';
export { type Query, type Wait, waitForever } from './model/query.ts';
export {
  type RecordedChunk,
  type RecordedStatus,
  type RecordedRun,
  type AskKind,
  type RecordedAnswer,
  type RecordedAsk,
  type RecordedCall,
  type RecordedEntry,
  type RecordedFiler,
  type RecordedCollaborator,
  type RecordedSettings,
  type RecordedStep,
  type Recording,
} from './model/recording.ts';
export { type RunState, RUN_STATES, isTerminal, formatRunState } from './model/run-state.ts';
export {
  formatRunStatus,
  type RunID,
  type OutputRefs,
  type RunOutcome,
  type RunStatus,
} from './model/run-status.ts';
export { type RunType, type FilerAndInit, type RunTypeMap } from './model/run-type.ts';
export { type ServiceStatus } from './model/service-status.ts';
export {
  type Controller,
  type Service,
  type RunnerID,
  type ServiceMethod,
  type ServiceWatch,
} from './model/service.ts';
export {
  type StateMask,
  UNKNOWN_MASK,
  PENDING_MASK,
  RUNNING_MASK,
  COMPLETE_MASK,
  FAILED_MASK,
  ABORTED_MASK,
  TIMEDOUT_MASK,
  DONE_MASK,
  ALL_MASK,
  maskForState,
  maskMatches,
  formatMask,
} from './model/state-mask.ts';
export { singleStatus, statusNow, statusAll, finalStatus, waitForState } from './model/status-lookup.ts';
export {
  type QueryResult,
  type StatusResult,
  type StatusQueryNower,
  type StatusQuerier,
  type LegacyStatusReader,
  type StatusReader,
} from './model/status-reader.ts';
export {
  type DiskStep,
  type InvocationPhase,
  type MessageKind,
  type MessageStep,
  type NodeStep,
  type NameChangeKind,
  type ResourceKind,
  type TraceEvent,
  type Tracer,
} from './model/trace-event.ts';
export { type Around, type Proceed, interceptInPlace, interceptService } from './call/intercept-service.ts';
export { type ServiceCall } from './call/service-call.ts';
export { type World } from './model/world.ts';
export { parseSimScript } from './execers/sim-script.ts';
export {
  type SimStep,
  type SimStepConstructors,
  simStep,
  formatSimStep,
  simScript,
} from './execers/sim-step.ts';
export { type MemoryOutput, type ToFile } from './outputs/memory-file.ts';
export {
  type MemoryOutputsOptions,
  type MemoryOutputs,
  createMemoryOutputs,
} from './outputs/memory-output.ts';
export { type NullOutput, type NullOutputs, createNullOutputs } from './outputs/null-output.ts';
export { type OutputFault, type OutputFaultPlan } from './outputs/output-fault.ts';
export { type FilerParts, composeFiler } from './filers/composed-filer.ts';
export {
  type CountingUpdaterOptions,
  type CountingUpdater,
  createCountingUpdater,
} from './filers/counting-updater.ts';
export { createFixedFiler, createInvalidFiler, createVirtualFiler } from './filers/fake-filer.ts';
export { type FilerOperation, type FilerBehaviour, type FilerBehaviours } from './filers/filer-behaviour.ts';
export {
  type FilerRule,
  type FilerViolation,
  type FilerLedgerOptions,
  type FilerLedger,
} from './filers/filer-ledger.ts';
export { type InstantCheckout, type InstantFiler } from './filers/instant-filer.ts';
export { type MemoryFiler, createMemoryFiler } from './filers/memory-filer.ts';
export { type TreeEntry, type TreeEntries, type MemoryTree, createMemoryTree } from './filers/memory-tree.ts';
export { type SimFilerOptions, type SimFiler, createSimFiler } from './filers/sim-filer.ts';
export {
  type HistogramSummary,
  type OnRecord,
  type MemoryHistogram,
  type MemoryMetricsOptions,
  type MetricsSnapshot,
  type MemoryMetrics,
  createMemoryMetrics,
} from './metrics/memory-metrics.ts';
export { type InjectedFault, type FaultErrorMaker, InjectedFaultError } from './network/chaos-error.ts';
export {
  type ChaosOperation,
  type ScheduledFault,
  type FaultRates,
  type FaultPlan,
} from './network/fault-plan.ts';
export type { FaultKind } from './model/faults.ts';
export { type ChaosWorld, type ChaosRunner, createChaosRunner } from './network/chaos-runner.ts';
export { type ChaosError, type ChaosOptions } from './network/chaos-settings.ts';
export { type FakeRunnerOptions, type FakeRunner, createFakeRunner } from './runners/fake/fake-runner.ts';
export { type FakeEnd, type FakeScript, type FakeScripts, argvScript } from './runners/fake/fake-script.ts';
export { type MeterOptions, type MeteredService, meterService } from './runners/metered-service.ts';
export {
  type PollingOptions,
  type PollingQuerier,
  createPollingQuerier,
} from './runners/polling/polling-querier.ts';
export { createPollingService } from './runners/polling/polling-service.ts';
export { type Recorder, type RecorderOptions, createRecorder } from './runners/recording/recorder.ts';
export {
  type SimulatedRunnerOptions,
  type SimulatedRunner,
  createSimulatedRunner,
} from './runners/simulated-runner.ts';
export { type VirtualTempDirs, virtualTempDirs } from './runners/virtual-temp-dirs.ts';
export {
  endCause,
  oneTerminal,
  type Complaint,
  type RunRule,
  startOrder,
  statePath,
} from './oracles/run-rules.ts';
export { defaultRules, defaultOracles } from './oracles/default-oracles.ts';
export {
  type LinearizabilityOptions,
  type LinearizabilityResult,
  checkLinearizable,
} from './oracles/history/check-linearizable.ts';
export {
  formatContradiction,
  type ContradictingOperation,
  type Contradiction,
} from './oracles/history/contradiction.ts';
export {
  type HistoryOperation,
  type OperationOutcome,
  type ErrorMeaning,
  type History,
  type OperationID,
  type RecordedOperations,
  createHistory,
} from './oracles/history/history.ts';
export { type QueueModelOptions, queueModel } from './oracles/history/queue-model.ts';
export {
  type RegisterCall,
  type RegisterReply,
  type RegisterValue,
  registerModel,
} from './oracles/history/register-model.ts';
export { type SequentialModel } from './oracles/history/sequential-model.ts';
export { type SeenRun, type ServiceReply } from './oracles/history/service-reply.ts';
export { type RunBeliefs } from './oracles/history/service-model.ts';
export { type StatusStoreModelOptions, statusStoreModel } from './oracles/history/status-store-model.ts';
export { type MethodEffect, type MethodEffects, methodModel } from './oracles/history/method-model.ts';
export {
  type MethodCall,
  type MethodName,
  type MethodReply,
  type ResultOf,
  watchCalls,
  type WatchCallsOptions,
} from './oracles/history/watch-calls.ts';
export { watchHistory } from './oracles/history/watch-history.ts';
export { type Violation, type ReportViolation, type Oracle, type OracleFactory } from './oracles/oracle.ts';
export {
  type PhaseBounds,
  type BoundedCollaborators,
  phaseBounds,
  promptness,
} from './oracles/promptness.ts';
export { REACH_KINDS, type ReachCounts, type ReachKind, type ServiceReach } from './oracles/reach-kinds.ts';
export { type WatchedAnswers, watchAnswers } from './oracles/watch-answers.ts';
export { watchRuns } from './oracles/watch-runs.ts';
export { watchService } from './oracles/watch-service.ts';
export { type OwnedKind, type WatchedRun } from './oracles/watched-run.ts';
export { type WatchedRunner } from './oracles/watched-runner.ts';
export { type EventAction } from './simulation/event-actions.ts';
export { type DrawableArbitrary, type RandomSource } from './simulation/arbitrary-draws.ts';
export {
  type ChosenFilerMenuOptions,
  type ChosenOutputFaultsOptions,
  type ChosenSkewOptions,
  chosenFilerMenu,
  chosenOutputFaults,
  chosenSkew,
} from './simulation/chosen-faults.ts';
export { type NodeFaults } from './simulation/node-strikes.ts';
export { type Node, createNode, type NodeIncarnation, type NodeOptions } from './simulation/service-node.ts';
export type { NodeState } from './simulation/node-machine.ts';
export { type RecordingReplay, replayRecording } from './simulation/recording-replay.ts';
export { type ScenarioFiles, type ScenarioDefinition, defineScenario } from './simulation/scenario.ts';
export { type FreshModules } from './simulation/module-loads.ts';
export { type Scenario, type SimulateOptions } from './simulation/simulate-options.ts';
export { simulate } from './simulation/simulate.ts';
export { SimulationFailedError } from './simulation/simulation-failed-error.ts';
export type { SomeEventOptions, StrikesOptions } from './simulation/scenario-faults.ts';
export { checkThat, type SimulatedWorld, type Simulation } from './simulation/simulation.ts';
export type { FactKind, FailureFact } from './simulation/failure-fact.ts';
export { type FailureKind, type Failure, type Standstill, type Verdict } from './simulation/verdict.ts';
export { type Holds } from './simulation/watched-properties.ts';
export { type RunBelief } from './oracles/history/run-belief.ts';
export { type RunRejectionCode, RunRejectedError } from './model/run-rejected-error.ts';
