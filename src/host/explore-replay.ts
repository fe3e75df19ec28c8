/** Runs a log again in a thread of its own, so that one which hangs or dies is told as what it is. */
import { ScenarioRefusedError } from './scenario-refused-error.ts';
import type { ReplayOutcome, ReplayTask } from './explore-task.ts';
import { ExploreThread, type LostExecution, type ThreadLimits } from './explore-thread.ts';

/** What {@link replayInThread} takes. */
export interface ReplayInThreadOptions extends ThreadLimits, Omit<ReplayTask, 'kind' | 'memory'> {
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/** What came of it: an outcome, or what took the thread with it; neither if it was ended early. */
export interface ThreadReplay {
  readonly outcome?: ReplayOutcome;
  readonly lost?: LostExecution;
}

/**
 * Runs the log.
 *
 * @throws ScenarioRefusedError (rejects) if the scenario does not load in a thread.
 */
export async function replayInThread(options: ReplayInThreadOptions): Promise<ThreadReplay> {
  const { entry, hangMs, memoryMb, scenario, log, failureKey, onGap, signal } = options;
  let outcome: ReplayOutcome | undefined;
  const thread = new ExploreThread(
    (memory) => ({ kind: 'replay', scenario, log, failureKey, onGap, memory }),
    {
      ...{ entry, hangMs, memoryMb },
      onMessage: (message) => {
        if (message.type === 'replayed') outcome = message.outcome;
      },
    },
  );
  const stop = (): void => thread.terminate();
  signal.addEventListener('abort', stop);
  try {
    if (signal.aborted) stop();
    const end = await thread.ended;
    if (end.type === 'refused') throw new ScenarioRefusedError(end.message);
    if (outcome !== undefined) return { outcome };
    return end.type === 'lost' ? { lost: end.execution } : {};
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
