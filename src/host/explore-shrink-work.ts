/**
 * Makes a failure small in an exploring thread, and tells each step, so that the best so far is not lost with the thread. Invariant:
 * explaining has time of its own, however long it took to make the failure small.
 */
import { withinEvents } from '../explore/event-budget.ts';
import type { Executor } from '../explore/executor.ts';
import { shrink } from '../explore/shrinker.ts';
import type { ShrunkLog } from '../explore/shrink-memory.ts';
import { canBeWatched, explained } from './explained-failure.ts';
import type { ExploreSharedState } from './explore-shared-state.ts';
import type { ExploreMessage, ShrinkTask, SmallerFailure } from './explore-task.ts';

/** Shrinks until nothing gets simpler, executions or time are used up, or it is asked to stop; then explains. */
export async function runShrinkTask(
  { decisions, key, maxExecutions, maxEvents, scenario, seed, timeMs, explainMs }: ShrinkTask,
  unbounded: Executor,
  state: ExploreSharedState,
  tell: (message: ExploreMessage) => void,
): Promise<void> {
  const executor = withinEvents(unbounded, maxEvents);
  const startedAt = performance.now();
  const mustStop = (): boolean => state.mustStop;
  const result = await shrink(executor, decisions, key, {
    maxExecutions,
    shouldStop: () => mustStop() || performance.now() - startedAt >= timeMs,
    onBetter: (better) => tell({ type: 'smaller', failure: smallerFailure(better) }),
  });
  const { stoppedBy, flakiness } = result;
  const options = { reference: scenario, seed, timeMs: explainMs, mustStop };
  const isExplained = flakiness === undefined && canBeWatched(result.verdict.firedEvents);
  const failure = {
    ...smallerFailure(result),
    stoppedBy,
    ...(flakiness === undefined ? {} : { flakiness }),
    ...(isExplained ? await explained(executor, result.log, options) : {}),
  };
  tell({ type: 'shrunk', failure });
}

/** A failing execution as plain data. */
export function smallerFailure({
  verdict,
  executions,
}: Pick<ShrunkLog, 'verdict' | 'executions'>): SmallerFailure {
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
