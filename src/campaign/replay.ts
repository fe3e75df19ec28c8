/** Runs a log again in its own thread, so that a hang or a crash is reported as such. */
import type { Timeline } from '../explore/timeline/timeline.ts';
import { ScenarioRefusedError } from './scenario-refused-error.ts';
import type { ReplayOutcome, ReplayStory, ReplayTask } from './task.ts';
import { ExploreThread, type LostExecution, type ThreadLimits } from './thread.ts';

/** What {@link replayInThread} takes. */
export interface ReplayInThreadOptions extends ThreadLimits, Omit<ReplayTask, 'kind' | 'memory'> {
  /** Ends it early. */
  readonly signal: AbortSignal;
  /** Told now and then how far it is. */
  readonly onProgress?: (progress: ReplayProgress) => void;
}

/** How far a replay has come. */
export interface ReplayProgress {
  /** Executions begun; the first is the replay itself, the others explain it. */
  readonly executions: number;
  /** Decisions of the first. */
  readonly decisions: number;
  readonly seconds: number;
}

const PROGRESS_MS = 250;

/** What came of it: an outcome, or what took the thread with it; neither if it was ended early. */
export interface ThreadReplay {
  readonly outcome?: ReplayOutcome;
  /** Empty if it was not to be explained, or the thread was lost meanwhile. */
  readonly story: ReplayStory;
  /** Absent if nobody asked for it, or the thread was lost; of many events only the beginning, which `otherData.shown` says. */
  readonly timeline?: Timeline;
  readonly lost?: LostExecution;
  /** Why the thread ended after it had sent the outcome. */
  readonly lostAfter?: string;
}

/**
 * Runs the log.
 *
 * @throws ScenarioRefusedError (rejects) if the scenario does not load in a thread.
 */
export async function replayInThread(options: ReplayInThreadOptions): Promise<ThreadReplay> {
  const { entry, hangMs, memoryMb, signal, onProgress, ...task } = options;
  let outcome: ReplayOutcome | undefined;
  let story: ReplayStory = {};
  let timeline: Timeline | undefined;
  const startedAt = performance.now();
  const thread = new ExploreThread((memory) => ({ kind: 'replay', ...task, memory }), {
    ...{ entry, hangMs, memoryMb },
    onMessage: (message) => {
      if (message.type === 'replayed') outcome = message.outcome;
      if (message.type === 'timeline') timeline = message.timeline;
      if (message.type === 'story') story = message.story;
    },
  });
  const ticker = setInterval(() => {
    const { begun: executions, decided: decisions } = thread.counters();
    onProgress?.({ executions, decisions, seconds: (performance.now() - startedAt) / 1_000 });
  }, PROGRESS_MS);
  const stop = (): void => thread.terminate();
  signal.addEventListener('abort', stop);
  try {
    if (signal.aborted) stop();
    const end = await thread.ended;
    if (end.type === 'refused') throw new ScenarioRefusedError(end.message);
    if (outcome !== undefined) {
      return {
        ...{ outcome, story },
        ...(timeline === undefined ? {} : { timeline }),
        ...(end.type === 'lost' ? { lostAfter: end.execution.message } : {}),
      };
    }
    return { story, ...(end.type === 'lost' ? { lost: end.execution } : {}) };
  } finally {
    clearInterval(ticker);
    signal.removeEventListener('abort', stop);
  }
}
