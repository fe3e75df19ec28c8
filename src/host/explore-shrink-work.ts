/** Makes a failure small in an exploring thread, and tells each step, so that the best so far is not lost with the thread. */
import type { Executor } from '../explore/executor.ts';
import { shrink } from '../explore/shrinker.ts';
import type { ShrunkLog } from '../explore/shrink-memory.ts';
import type { ExploreSharedState } from './explore-shared-state.ts';
import type { ExploreMessage, ShrinkTask, SmallerFailure } from './explore-task.ts';

/** Shrinks until nothing gets simpler, the executions are used up, or it is asked to stop. */
export async function runShrinkTask(
  { decisions, key, maxExecutions }: ShrinkTask,
  executor: Executor,
  state: ExploreSharedState,
  tell: (message: ExploreMessage) => void,
): Promise<void> {
  const result = await shrink(executor, decisions, key, {
    maxExecutions,
    shouldStop: () => state.mustStop,
    onBetter: (better) => tell({ type: 'smaller', failure: smallerFailure(better) }),
  });
  const { stoppedBy, flakiness } = result;
  const failure = {
    ...smallerFailure(result),
    stoppedBy,
    ...(flakiness === undefined ? {} : { flakiness }),
  };
  tell({ type: 'shrunk', failure });
}

function smallerFailure({ verdict, executions }: ShrunkLog): SmallerFailure {
  const { failure, firedEvents, traceHash } = verdict;
  return {
    decisions: verdict.decisions(),
    firedEvents,
    traceHash,
    message: failure?.message ?? '',
    atMs: failure?.atMs ?? verdict.virtualMs,
    details: failure?.details ?? [],
    executions,
  };
}
