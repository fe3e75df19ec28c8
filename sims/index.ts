/**
 * The shipped scenarios by their names, in the order in which they are run. Each is written as a user of the package would write it, and
 * loaded when it is wanted.
 */
import type { ScenarioDefinition } from 'dryrunner';

export const scenarios: Readonly<Record<string, () => Promise<ScenarioDefinition>>> = {
  'theta-pool': async () => (await import('./theta-pool.ts')).thetaPool,
  'timeout-race': async () => (await import('./timeout-race.ts')).timeoutRace,
  'lost-reply': async () => (await import('./lost-reply.ts')).lostReply,
  restart: async () => (await import('./restart.ts')).restart,
  'filer-faults': async () => (await import('./filer-faults.ts')).filerFaults,
  'polling-client': async () => (await import('./polling-client.ts')).pollingClient,
  'three-runners-two-aborts': async () =>
    (await import('./three-runners-two-aborts.ts')).threeRunnersTwoAborts,
  raft: async () => (await import('./cluster/raft.ts')).raft,
  fencing: async () => (await import('./cluster/fencing.ts')).fencing,
  'work-queue': async () => (await import('./cluster/work-queue.ts')).workQueue,
  'two-phase-commit': async () => (await import('./cluster/two-phase-commit.ts')).twoPhaseCommit,
  lease: async () => (await import('./cluster/lease.ts')).lease,
  'failure-detector': async () => (await import('./cluster/failure-detector.ts')).failureDetector,
  'build-farm': async () => (await import('./cluster/build-farm.ts')).buildFarm,
};
