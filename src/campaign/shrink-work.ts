/**
 * Makes a failure small in an exploring thread, and reports each step, so that the best so far is not lost with the thread. Invariant:
 * explaining has time of its own, however long it took to make the failure small.
 */
import { withinEvents } from '../explore/event-budget.ts';
import { executorWith, type Executor } from '../explore/executor.ts';
import { briefly } from '../explore/known-stall.ts';
import { ExecutionInterrupted } from '../kernel/decisions.ts';
import { shrinkInBrief } from '../explore/shrink/shrinker.ts';
import type { ShrunkLog } from '../explore/shrink/shrink-memory.ts';
import { explained, inBrief } from './explained-failure.ts';
import type { ExploreSharedState } from './shared-state.ts';
import type { ExploreMessage, ShrinkTask, SmallerFailure } from './task.ts';

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
  const shouldStop = (): boolean => mustStop() || performance.now() - startedAt >= timeMs;
  const beginning = inBrief(executor, maxEvents);
  const whole = beginning === undefined ? executor : endingInTime(executor, shouldStop);
  const brief = beginning ?? briefly(executor, key);
  const result = await shrinkInBrief(whole, brief === executor ? whole : brief, decisions, key, {
    maxExecutions,
    shouldStop,
    onBetter: (better) => tell({ type: 'smaller', failure: smallerFailure(better) }),
  });
  const { stoppedBy, flakiness, isWhole } = result;
  const { firedEvents } = result.verdict;
  const options = { reference: scenario, seed, firedEvents, maxEvents, timeMs: explainMs, mustStop };
  const failure = {
    ...smallerFailure(result),
    stoppedBy,
    ...(isWhole ? {} : { wasBegunOnly: true }),
    ...(flakiness === undefined ? await explained(executor, result.log, options) : { flakiness }),
  };
  tell({ type: 'shrunk', failure });
}

/** An executor whose executions are given up when there is no more time: one of them may take minutes. */
function endingInTime(executor: Executor, shouldStop: () => boolean): Executor {
  return executorWith(executor, {
    onTurn: () => {
      if (shouldStop()) throw new ExecutionInterrupted('there is no more time for it');
    },
  });
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
