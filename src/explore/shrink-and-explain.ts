/**
 * Makes a failing execution small, and explains it. Invariants: explaining has time of its own, however long it took to make it small, and
 * takes no more than that; an execution with more events than can be watched is left unexplained, for its thread would die of them.
 */
import type { Decision } from '../kernel/decisions.ts';
import { ExecutionInterrupted } from '../kernel/decisions.ts';
import { isRunnerError } from '../kernel/errors.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { withinEvents } from './event-budget.ts';
import { executorWith, type Executor } from './executor.ts';
import { explain } from './explain/explanation.ts';
import { eventBound, type FailingExecution, type ShrunkExecution } from './failing-execution.ts';
import { briefly } from './known-stall.ts';
import { shrinkInBrief, type ShrinkResult } from './shrink/shrinker.ts';

/** All that is watched of an execution is kept, and gone through without a turn of the event loop. No stall takes as many. */
const WATCHED_EVENTS_MAX = 250_000;
/** How long explaining goes on once it is asked to end: enough to say something about most failures. */
const HURRY_MS = 1_000;

/** Real time, which this file does not know. */
export interface SettleLimits {
  /** For the search of the nearest passing execution, in milliseconds. */
  readonly explainMs: number;
  /** True once all is to end. */
  readonly mustStop: () => boolean;
  /** Milliseconds since any fixed moment. */
  readonly now: () => number;
}

/** How far a failing execution is made small and explained. */
export interface SettleOptions extends SettleLimits {
  /** Executions for making it small at most; 0 to have it explained as it is. Default: as many as `shrink` takes. */
  readonly maxExecutions?: number;
  /** For making it small, in milliseconds; it is not taken from the other. */
  readonly shrinkMs: number;
  /** Called with each improvement. */
  readonly onSmaller?: (smaller: ShrunkExecution) => void;
  /** Called once nothing is made smaller any more. */
  readonly onExplain?: () => void;
}

/** What an explanation came to. */
export type Explained = Pick<FailingExecution, 'explanation' | 'cutShort'>;

/** Shrinks until nothing gets simpler, executions or time are used up, or it is to stop; then explains. */
export async function settleFailure(
  unbounded: Executor,
  failing: FailingExecution,
  { maxExecutions, shrinkMs, onSmaller, onExplain, ...limits }: SettleOptions,
): Promise<Explained & Pick<FailingExecution, 'shrunk'>> {
  const { key, decisions, scenario, seed } = failing;
  const { maxEvents } = eventBound(failing);
  const executor = withinEvents(unbounded, maxEvents);
  const { mustStop, now } = limits;
  const startedAt = now();
  const shouldStop = (): boolean => mustStop() || now() - startedAt >= shrinkMs;
  const beginning = inBrief(executor, maxEvents);
  const whole = beginning === undefined ? executor : endingInTime(executor, shouldStop);
  const brief = beginning ?? briefly(executor, key);
  const result = await shrinkInBrief(whole, brief === executor ? whole : brief, decisions, key, {
    ...(maxExecutions === undefined ? {} : { maxExecutions }),
    shouldStop,
    onBetter: (better) => onSmaller?.(shrunkExecution({ ...better, stoppedBy: 'stopped' })),
  });
  const shrunk = {
    ...shrunkExecution(result),
    ...(result.isWhole ? {} : { ...asFound(failing), wasBegunOnly: true }),
  };
  if (shrunk.flakiness !== undefined) return { shrunk: { ...shrunk, ...asFound(failing) } };
  const { firedEvents } = result.verdict;
  onExplain?.();
  const explained = await explainWithin(
    executor,
    result.log,
    { scenario, seed, firedEvents, maxEvents },
    limits,
  );
  return { shrunk, ...explained };
}

/** What does not repeat came to another end when it was tried again, or to none in time: only the first one shows the failure. */
function asFound(failing: FailingExecution): Omit<ShrunkExecution, 'executions' | 'stoppedBy'> {
  const { decisions, firedEvents, traceHash, message, atMs, details } = failing;
  return { decisions, firedEvents, traceHash, message, atMs, details };
}

/** The execution that is explained, and its bound if that is how it fails. */
interface ExplainedExecution extends Pick<FailingExecution, 'scenario' | 'firedEvents'> {
  readonly seed: string | undefined;
  readonly maxEvents: number | undefined;
}

/** The explanation of a failing log; none if it does not fail again, because something outside of the simulation decides. */
export async function explainWithin(
  executor: Executor,
  log: readonly Decision[],
  { scenario: reference, seed, firedEvents, maxEvents }: ExplainedExecution,
  { explainMs: timeMs, mustStop, now }: SettleLimits,
): Promise<Explained> {
  const cutShort = { by: 'events', eventsMax: WATCHED_EVENTS_MAX } as const;
  const brief = inBrief(executor, maxEvents);
  if (firedEvents > WATCHED_EVENTS_MAX && brief === undefined) return { cutShort };
  let startedAt: number | undefined;
  const shouldStop = (): boolean => {
    startedAt ??= now();
    return now() - startedAt >= (mustStop() ? Math.min(HURRY_MS, timeMs) : timeMs);
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

/** Of what goes on and on, its beginning shows as much as all of it; undefined if so many events are few enough. */
function inBrief(executor: Executor, maxEvents: number | undefined): Executor | undefined {
  return maxEvents === undefined || maxEvents <= WATCHED_EVENTS_MAX
    ? undefined
    : withinEvents(executor, WATCHED_EVENTS_MAX, true);
}

/** An executor whose executions are given up when there is no more time: one of them may take minutes. */
function endingInTime(executor: Executor, shouldStop: () => boolean): Executor {
  return executorWith(executor, {
    onTurn: () => {
      if (shouldStop()) throw new ExecutionInterrupted('there is no more time for it');
    },
  });
}

function shrunkExecution({
  verdict,
  executions,
  stoppedBy,
  flakiness,
}: Pick<ShrinkResult, 'executions' | 'stoppedBy' | 'flakiness'> & {
  readonly verdict: Verdict;
}): ShrunkExecution {
  const { failure, firedEvents, traceHash } = verdict;
  return {
    decisions: verdict.decisions(),
    ...{ firedEvents, traceHash, executions, stoppedBy },
    message: failure?.message ?? '',
    atMs: failure?.atMs ?? verdict.virtualMs,
    details: failure?.details ?? [],
    ...(flakiness === undefined ? {} : { flakiness }),
  };
}
