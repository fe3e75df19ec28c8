/**
 * Explains a log in an exploring thread. Invariants: it takes its own time and no more than that; an execution with more events than can be
 * watched is left unexplained, for its thread would die of them.
 */
import { withinEvents } from '../explore/event-budget.ts';
import type { Executor } from '../explore/executor.ts';
import { explain, type Explanation } from '../explore/explain/explanation.ts';
import type { Decision } from '../kernel/decisions.ts';
import { isRunnerError } from '../kernel/errors.ts';
import type { CutShort } from './task.ts';

/** Everything that happens is drawn, so that of more events the beginning is enough. */
export const DRAWN_EVENTS_MAX = 50_000;
/** All that is watched of an execution is kept, and gone through without a turn of the event loop. No stall takes as many. */
const WATCHED_EVENTS_MAX = 250_000;
/** How long it goes on once it is asked to end: enough to say something about most failures. */
const HURRY_MS = 1_000;

/** How to explain. */
export interface ExplainedOptions {
  readonly firedEvents: number;
  /** Events after which it was given up, if that is how it fails. */
  readonly maxEvents?: number | undefined;
  readonly reference: string;
  readonly seed?: string | undefined;
  /** Real time for the search of the nearest passing execution, in milliseconds. */
  readonly timeMs: number;
  /** True once the thread is asked to stop. */
  readonly mustStop: () => boolean;
}

/** Of what goes on and on, its beginning shows as much as all of it; undefined if so many events are few enough. */
export function inBrief(executor: Executor, maxEvents: number | undefined): Executor | undefined {
  return maxEvents === undefined || maxEvents <= WATCHED_EVENTS_MAX
    ? undefined
    : withinEvents(executor, WATCHED_EVENTS_MAX, true);
}

/** What came of explaining. */
export interface Explained {
  readonly explanation?: Explanation;
  /** Why there is no explanation, or why it says less than it could. */
  readonly cutShort?: CutShort;
}

/** The explanation of a failing log; none if it does not fail again, because something outside of the simulation decides. */
export async function explained(
  executor: Executor,
  log: readonly Decision[],
  { firedEvents, maxEvents, reference, seed, timeMs, mustStop }: ExplainedOptions,
): Promise<Explained> {
  const cutShort = { by: 'events', eventsMax: WATCHED_EVENTS_MAX } as const;
  const brief = inBrief(executor, maxEvents);
  if (firedEvents > WATCHED_EVENTS_MAX && brief === undefined) return { cutShort };
  let startedAt: number | undefined;
  const shouldStop = (): boolean => {
    startedAt ??= performance.now();
    return performance.now() - startedAt >= (mustStop() ? Math.min(HURRY_MS, timeMs) : timeMs);
  };
  try {
    const options = { reference, shouldStop, ...(seed === undefined ? {} : { seed }) };
    const explanation = await explain(brief ?? executor, log, options);
    const { nearestPass, nearestSearch } = explanation;
    if (nearestPass === undefined && nearestSearch.stoppedBy === 'stopped') {
      return { explanation, cutShort: { by: 'time', timeMs } };
    }
    return { explanation, ...(brief === undefined ? {} : { cutShort }) };
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_INVALID_ARGUMENT')) return {};
    throw error;
  }
}
