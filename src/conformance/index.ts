/**
 * The entry point `dryrunner/conformance`: the contract as a list of cases and as a workload to explore, and the types
 * that describe a runner to them.
 *
 * @module dryrunner/conformance
 */
export { type Capability, type PartCapability, type Supports, supportsAllBut } from './capability.ts';
export { type CaseContext, type TimedEnd, type Gate } from './case-context.ts';
export { ConformanceError } from './check.ts';
export { type CommandVocabulary, shellCommands, simCommands } from './command-vocabulary.ts';
export { type CaseSpec, ConformanceCase, type ProveOptions } from './conformance-case.ts';
export { conformanceCases } from './conformance-cases.ts';
export {
  EXECER_GRACE_MS,
  execerCases,
  type ExecerSubject,
  type ExecerUnderTest,
} from './parts/execer-cases.ts';
export { simExecerCases, type SimExecerSubject } from './parts/sim-execer-cases.ts';
export { playbackCases, type PlaybackSubject } from './parts/playback-cases.ts';
export { filerCases, type FilerSubject, type FilerUnderTest } from './parts/filer-cases.ts';
export { simFilerCases, type SimFilerSubject } from './parts/sim-filer-cases.ts';
export {
  contentStoreCases,
  type ContentStoreLimits,
  type ContentStoreSubject,
} from './parts/content-store-cases.ts';
export {
  actionCacheCases,
  type ActionCacheLimits,
  type ActionCacheSubject,
} from './parts/action-cache-cases.ts';
export {
  metricsCases,
  type MetricsSnapshotUnderTest,
  type MetricsSubject,
  type MetricsUnderTest,
} from './parts/metrics-cases.ts';
export { outputCases, type OutputsUnderTest, type OutputSubject } from './parts/output-cases.ts';
export { memoryOutputCases, type MemoryOutputSubject } from './parts/memory-output-cases.ts';
export {
  type ChannelUnderTest,
  type ConditionUnderTest,
  type DeferredUnderTest,
  type HoldUnderTest,
  lockCases,
  type LockParts,
  type LockSubject,
  type MutexUnderTest,
  type SemaphoreUnderTest,
} from './parts/lock-cases.ts';
export { chaosCases, type ChaosSubject } from './parts/chaos-cases.ts';
export { nodeCases, type NodeSubject } from './parts/node-cases.ts';
export { memoryDiskCases, type MemoryDiskSubject } from './parts/memory-disk-cases.ts';
export { storeCases, type StoreSubject, type StoreUnderTest } from './parts/store-cases.ts';
export {
  networkCases,
  type NetworkProgram,
  type NetworkSubject,
  type NetworkUnderTest,
  type NodeUnderTest,
} from './parts/network-cases.ts';
export { type PartCase, type PartProveOptions, type PartSubject } from './parts/part-case.ts';
export { simulatedNetworkCases } from './parts/simulated-network-cases.ts';
export {
  type SimulatedNetwork,
  type SimulatedNetworkSubject,
} from './parts/simulated-network/network-case.ts';
export { type DiskCase, diskCases, type DiskCrashCase, type DiskSubject } from './parts/disk-cases.ts';
export { ExpectedHealth } from './workload/expected-health.ts';
export { type ExploreSubjectOptions, exploreRunner } from './workload/explore-runner.ts';
export { exploreScheduler } from './workload/explore-scheduler.ts';
export { type ExploreServiceOptions, exploreService } from './workload/explore-service.ts';
export { type ExploreStubOptions, exploreStub } from './workload/explore-stub.ts';
export {
  type ExplorationProgress,
  type ReplayedToken,
  type ExploreWorkloadOptions,
  type SubjectExploration,
  type SubjectFailure,
} from './workload/explore-workload.ts';
export type { ReplayOutcomeWord } from '../explore/replay-outcome.ts';
export { partsWorkload, type PartsSubject } from './workload/parts-workload.ts';
export { runnerWorkload } from './workload/runner-workload.ts';
export { type FleetFault, type SchedulerSubject, schedulerWorkload } from './workload/scheduler-workload.ts';
export { type ServiceCapability, type ServiceSubject, serviceWorkload } from './workload/service-workload.ts';
export {
  type ArgumentsOf,
  type CallArguments,
  type DrawnCall,
  type StubFaults,
  type StubSubject,
  stubWorkload,
  type StubWorkloadOptions,
} from './workload/stub-workload.ts';
export type { WorkloadLimits } from './workload/workload-clients.ts';
export { type CaseResult, type ConformanceOptions, runConformance } from './run-conformance.ts';
export {
  type ConformanceSubject,
  type HeldWorld,
  type PlannedMachine,
  type RunnerUnderTest,
  type SubjectOptions,
} from './subject.ts';
