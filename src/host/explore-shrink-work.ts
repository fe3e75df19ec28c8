/** Makes a failure small in an exploring thread, and tells each step, so that the best so far is not lost with the thread. */
import { withinEvents } from '../explore/event-budget.ts';
import type { Executor } from '../explore/executor.ts';
import { explain, type ExplainOptions, type Explanation } from '../explore/explanation.ts';
import { shrink } from '../explore/shrinker.ts';
import type { ShrunkLog } from '../explore/shrink-memory.ts';
import type { Decision } from '../kernel/decisions.ts';
import { isRunnerError } from '../kernel/errors.ts';
import type { ExploreSharedState } from './explore-shared-state.ts';
import type { ExploreMessage, ShrinkTask, SmallerFailure } from './explore-task.ts';

/** Shrinks until nothing gets simpler, the executions are used up, or it is asked to stop. */
export async function runShrinkTask(
  { decisions, key, maxExecutions, maxEvents, scenario }: ShrinkTask,
  unbounded: Executor,
  state: ExploreSharedState,
  tell: (message: ExploreMessage) => void,
): Promise<void> {
  const executor = withinEvents(unbounded, maxEvents);
  const result = await shrink(executor, decisions, key, {
    maxExecutions,
    shouldStop: () => state.mustStop,
    onBetter: (better) => tell({ type: 'smaller', failure: smallerFailure(better) }),
  });
  const { stoppedBy, flakiness } = result;
  const options = { reference: scenario, shouldStop: () => state.mustStop };
  const failure = {
    ...smallerFailure(result),
    stoppedBy,
    ...(flakiness === undefined ? await explained(executor, result.log, options) : { flakiness }),
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

/** The explanation of a failing log; none if it does not fail again, because something outside of the simulation decides. */
export async function explained(
  executor: Executor,
  log: readonly Decision[],
  options: ExplainOptions,
): Promise<{ readonly explanation?: Explanation }> {
  try {
    return { explanation: await explain(executor, log, options) };
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_INVALID_ARGUMENT')) return {};
    throw error;
  }
}
