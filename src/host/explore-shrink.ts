/**
 * Makes a failure small in a thread of its own. Invariant: a thread that hangs, dies or does not stop in time loses nothing but the
 * execution that it was in: the best so far is what is given.
 */
import { ScenarioRefusedError } from './scenario-refused-error.ts';
import type { ShrinkTask, ShrunkFailure, SmallerFailure } from './explore-task.ts';
import { ExploreThread, type ThreadLimits } from './explore-thread.ts';

/** What {@link shrinkInThread} takes. */
export interface ShrinkInThreadOptions extends ThreadLimits, Omit<ShrinkTask, 'kind' | 'memory'> {
  /** Real time for it, in milliseconds. */
  readonly timeMs: number;
  /** Ends it early, with the best so far. */
  readonly signal: AbortSignal;
  /** Told each improvement. */
  readonly onSmaller: (failure: SmallerFailure) => void;
}

/**
 * The failure as small as it gets; undefined if the thread was lost before it had shown the failure once.
 *
 * @throws ScenarioRefusedError (rejects) if the scenario does not load in a thread.
 */
export async function shrinkInThread(options: ShrinkInThreadOptions): Promise<ShrunkFailure | undefined> {
  const { entry, hangMs, memoryMb, scenario, key, decisions, maxExecutions, maxEvents } = options;
  let best: SmallerFailure | undefined;
  let shrunk: ShrunkFailure | undefined;
  const thread = new ExploreThread(
    (memory) => ({
      kind: 'shrink',
      scenario,
      key,
      decisions,
      maxExecutions,
      memory,
      ...(maxEvents === undefined ? {} : { maxEvents }),
    }),
    {
      entry,
      hangMs,
      memoryMb,
      onMessage: (message) => {
        if (message.type === 'smaller') {
          best = message.failure;
          options.onSmaller(best);
        } else if (message.type === 'shrunk') shrunk = message.failure;
      },
    },
  );
  const stop = (): void => thread.askToStop();
  const deadline = setTimeout(stop, options.timeMs);
  options.signal.addEventListener('abort', stop);
  try {
    if (options.signal.aborted) stop();
    const end = await thread.ended;
    if (end.type === 'refused') throw new ScenarioRefusedError(end.message);
    if (shrunk !== undefined || best === undefined) return shrunk;
    return { ...best, stoppedBy: 'stopped' };
  } finally {
    clearTimeout(deadline);
    options.signal.removeEventListener('abort', stop);
  }
}
