/**
 * Explains a log in an exploring thread. Invariants: it takes its own time and no more than that; an execution with more events than can be
 * watched is left unexplained, for its thread would die of them.
 */
import type { Executor } from '../explore/executor.ts';
import { explain, type Explanation } from '../explore/explanation.ts';
import type { Decision } from '../kernel/decisions.ts';
import { isRunnerError } from '../kernel/errors.ts';

/** All that is watched of an execution is kept, and gone through without a turn of the event loop: some twenty microseconds per event. */
export const WATCHED_EVENTS_MAX = 50_000;
/** How long it goes on once whoever waits wants an end: enough to say something of most failures. */
const HURRY_MS = 1_000;

/** How to explain. */
export interface ExplainedOptions {
  readonly reference: string;
  readonly seed?: string | undefined;
  /** Real time for the search of the nearest passing execution, in milliseconds. */
  readonly timeMs: number;
  /** True once the thread is asked to stop. */
  readonly mustStop: () => boolean;
}

/** Whether an execution with so many events is watched. */
export function canBeWatched(firedEvents: number): boolean {
  return firedEvents <= WATCHED_EVENTS_MAX;
}

/** The explanation of a failing log; none if it does not fail again, because something outside of the simulation decides. */
export async function explained(
  executor: Executor,
  log: readonly Decision[],
  { reference, seed, timeMs, mustStop }: ExplainedOptions,
): Promise<{ readonly explanation?: Explanation }> {
  const startedAt = performance.now();
  const shouldStop = (): boolean =>
    performance.now() - startedAt >= (mustStop() ? Math.min(HURRY_MS, timeMs) : timeMs);
  try {
    const options = { reference, shouldStop, ...(seed === undefined ? {} : { seed }) };
    return { explanation: await explain(executor, log, options) };
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_INVALID_ARGUMENT')) return {};
    throw error;
  }
}
