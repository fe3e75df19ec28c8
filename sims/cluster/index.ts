/** The programs on simulated clusters: each correct, and with one mistake after another. */
import type { ScenarioDefinition } from 'dryrunner';

/** A program, and the same with one mistake each. */
export interface ClusterProgram {
  readonly program: ScenarioDefinition;
  readonly mistakes: readonly ScenarioDefinition[];
}

/** All of them, loaded when they are wanted. */
export const clusterPrograms: readonly (() => Promise<ClusterProgram>)[] = [
  async () => {
    const { raft, raftMistakes } = await import('./raft.ts');
    return { program: raft, mistakes: raftMistakes };
  },
  async () => {
    const { fencing, fencingMistakes } = await import('./fencing.ts');
    return { program: fencing, mistakes: fencingMistakes };
  },
  async () => {
    const { workQueue, workQueueMistakes } = await import('./work-queue.ts');
    return { program: workQueue, mistakes: workQueueMistakes };
  },
  async () => {
    const { twoPhaseCommit, twoPhaseCommitMistakes } = await import('./two-phase-commit.ts');
    return { program: twoPhaseCommit, mistakes: twoPhaseCommitMistakes };
  },
  async () => {
    const { lease, leaseMistakes } = await import('./lease.ts');
    return { program: lease, mistakes: leaseMistakes };
  },
  async () => {
    const { failureDetector, failureDetectorMistakes } = await import('./failure-detector.ts');
    return { program: failureDetector, mistakes: failureDetectorMistakes };
  },
  async () => {
    const { buildFarm, buildFarmMistakes } = await import('./build-farm.ts');
    return { program: buildFarm, mistakes: buildFarmMistakes };
  },
];
