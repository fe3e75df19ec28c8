/**
 * Makes a failure small in a thread of its own. Invariant: a thread that hangs, dies or does not stop in time loses nothing but the
 * execution that it was in: the best so far is what is given.
 */
import { ScenarioRefusedError } from './scenario-refused-error.ts';
import type { ShrinkTask, ShrunkFailure, SmallerFailure } from './task.ts';
import { ExploreThread, type ThreadLimits } from './thread.ts';

/** What {@link shrinkInThread} takes. */
export interface ShrinkInThreadOptions extends ThreadLimits, Omit<ShrinkTask, 'kind' | 'memory'> {
  /** Ends it early, with the best so far. */
  readonly signal: AbortSignal;
  /** Told each improvement. */
  readonly onSmaller: (failure: SmallerFailure) => void;
}

/** For loading the scenario, and the executions that begin and confirm. */
const OVERTIME_MS = 5_000;

/**
 * The failure as small as it gets; undefined if the thread was lost before it had shown the failure once.
 *
 * @throws ScenarioRefusedError (rejects) if the scenario does not load in a thread.
 */
export async function shrinkInThread(options: ShrinkInThreadOptions): Promise<ShrunkFailure | undefined> {
  const { entry, hangMs, memoryMb, signal, onSmaller, ...task } = options;
  let best: SmallerFailure | undefined;
  let shrunk: ShrunkFailure | undefined;
  const thread = new ExploreThread((memory) => ({ kind: 'shrink', ...task, memory }), {
    entry,
    hangMs,
    memoryMb,
    onMessage: (message) => {
      if (message.type === 'smaller') {
        best = message.failure;
        onSmaller(best);
      } else if (message.type === 'shrunk') shrunk = message.failure;
    },
  });
  const stop = (): void => thread.askToStop();
  // It keeps time itself, but for a single execution that takes longer.
  const deadline = setTimeout(stop, task.timeMs + task.explainMs + OVERTIME_MS);
  signal.addEventListener('abort', stop);
  try {
    if (signal.aborted) stop();
    const end = await thread.ended;
    if (end.type === 'refused') throw new ScenarioRefusedError(end.message);
    if (shrunk !== undefined || best === undefined) return shrunk;
    const { explainMs } = task;
    // The caller ended it and knows why nothing more comes.
    return {
      ...best,
      stoppedBy: 'stopped',
      ...(signal.aborted ? {} : { cutShort: { by: 'time', timeMs: explainMs } }),
    };
  } finally {
    clearTimeout(deadline);
    signal.removeEventListener('abort', stop);
  }
}
