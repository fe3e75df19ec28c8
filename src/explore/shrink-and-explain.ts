/**
 * Shrinks and explains a failing execution. Invariants: explaining has its own time limit, however long shrinking took,
 * and does not exceed it; an execution with more events than can be watched is not explained, because its thread would
 * run out of memory.
 */
import type { Decision } from '../kernel/decisions.ts';
import { ExecutionInterrupted } from '../kernel/decisions.ts';
import { isRunnerError } from '../kernel/errors.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { logOf } from './endless-log.ts';
import { withinEvents } from './event-budget.ts';
import { executorWith, type Executor } from './executor.ts';
import { explain } from './explain/explanation.ts';
import { LINES_MAX } from './explain/history-length.ts';
import {
  eventBound,
  type CutShort,
  type FailingExecution,
  type ShrunkExecution,
} from './failing-execution.ts';
import { briefly } from './known-stall.ts';
import { shrinkInBrief, type ShrinkResult } from './shrink/shrinker.ts';

/** Watched events are all kept, and processed without a turn of the event loop. */
const WATCHED_EVENTS_MAX = 250_000;
const TOO_LONG = { by: 'events', eventsMax: WATCHED_EVENTS_MAX } as const;
/**
 * Milliseconds for the execution that runs when everything has to end, and as many for explaining: enough to say
 * something about most failures.
 */
const HURRY_MS = 1_000;

/** Limits in real time; this file has no clock of its own. */
export interface ExplainLimits {
  /** Time for finding the nearest passing execution, in milliseconds. */
  readonly explainMs: number;
  /** Maximum number of lines of the history; default: that of `explain`. */
  readonly linesMax?: number | undefined;
  /** Called with the verdict of the execution that is explained. */
  readonly onExplained?: ((verdict: Verdict) => void) | undefined;
  /** True once everything has to end. */
  readonly mustStop: () => boolean;
  /** Milliseconds from any fixed starting point. */
  readonly now: () => number;
}

/** Limits of shrinking and explaining. */
export interface ShrinkAndExplainOptions extends ExplainLimits {
  /** Maximum number of executions for shrinking; 0 explains the execution as it is. Default: that of `shrink`. */
  readonly maxExecutions?: number;
  /** Time for shrinking, in milliseconds, in addition to that for explaining. */
  readonly shrinkMs: number;
  /** Called with each smaller execution. */
  readonly onSmaller?: (smaller: ShrunkExecution) => void;
  /** Called when shrinking is over. */
  readonly onExplain?: () => void;
  /**
   * True if an execution with these decisions, the smallest ones, has held before; the explanation then blames none of
   * them. Default: none has.
   */
  readonly haveHeldBefore?: (decisions: readonly Decision[]) => boolean;
}

/** The result of explaining. */
export type Explained = Pick<FailingExecution, 'explanation' | 'cutShort'>;

/** The result of shrinking and explaining. */
export interface ShrunkAndExplained extends Explained, Pick<FailingExecution, 'shrunk'> {
  /** True if the decisions of the smallest execution have held before. */
  readonly hasHeldBefore?: boolean;
}

/** Shrinks until nothing gets simpler, executions or time run out, or it has to stop; then explains. */
export async function shrinkAndExplain(
  unbounded: Executor,
  failing: FailingExecution,
  { maxExecutions, shrinkMs, onSmaller, onExplain, haveHeldBefore, ...limits }: ShrinkAndExplainOptions,
): Promise<ShrunkAndExplained> {
  const { key, decisions, scenario, seed } = failing;
  const { maxEvents } = eventBound(failing);
  const { mustStop, now } = limits;
  const executor = endingInTime(withinEvents(unbounded, maxEvents), hurryOf(limits));
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
  const isCutOff = result.verdict.failure?.kind === 'interrupted';
  const shrunk = {
    ...shrunkExecution(result),
    ...(result.isWhole ? {} : asFound(failing)),
    ...(result.isWhole || isCutOff ? {} : { wasBegunOnly: true }),
  };
  if (shrunk.flakiness !== undefined) return { shrunk: { ...shrunk, ...asFound(failing) } };
  const { firedEvents } = shrunk;
  onExplain?.();
  const hasHeldBefore = haveHeldBefore?.(shrunk.decisions) === true;
  const explained = await explainWithin(
    withinEvents(unbounded, maxEvents),
    result.log,
    { scenario, key, seed, firedEvents, maxEvents, hasHeldBefore },
    limits,
  );
  return { shrunk, ...explained, ...(hasHeldBefore ? { hasHeldBefore } : {}) };
}

/**
 * The execution as it was found, for a failure that does not repeat: the new run ended differently, or did not end in
 * time.
 */
function asFound(failing: FailingExecution): Omit<ShrunkExecution, 'executions' | 'stoppedBy'> {
  const { decisions, firedEvents, traceHash, message, atMs, details } = failing;
  return { decisions, firedEvents, traceHash, message, atMs, details };
}

/** The execution to explain, and its bound on events if it fails by that. */
interface ExplainedExecution extends Pick<FailingExecution, 'scenario' | 'key' | 'firedEvents'> {
  readonly seed: string | undefined;
  readonly maxEvents: number | undefined;
  /** See `ExplainOptions`. */
  readonly hasHeldBefore?: boolean;
}

/**
 * Explains a failing log; without explanation if it does not fail again, because something outside of the simulation
 * decides.
 */
export async function explainWithin(
  executor: Executor,
  log: readonly Decision[],
  execution: ExplainedExecution,
  { explainMs: timeMs, linesMax = LINES_MAX, onExplained, mustStop, now }: ExplainLimits,
): Promise<Explained> {
  const { scenario: reference, key, seed, hasHeldBefore = false } = execution;
  const isOutOfTime = hurryOf({ mustStop, now });
  const watched = watchedPart(endingInTime(executor, isOutOfTime), execution);
  if (watched === undefined) return { cutShort: TOO_LONG };
  let startedAt: number | undefined;
  const shouldStop = (): boolean => {
    startedAt ??= now();
    return isOutOfTime() || now() - startedAt >= (mustStop() ? Math.min(HURRY_MS, timeMs) : timeMs);
  };
  const endedEarly = (): CutShort => (mustStop() ? { by: 'stop' } : { by: 'time', timeMs });
  let isCutOff = false as boolean;
  try {
    const options = {
      ...{ reference, shouldStop, hasHeldBefore, linesMax },
      ...(seed === undefined ? {} : { seed }),
      onExplained: (verdict: Verdict) => {
        isCutOff = verdict.failure?.kind === 'interrupted';
        onExplained?.(verdict);
      },
    };
    const explanation = await explain(watched.executor, log, options);
    // It would explain that time was up, and not the failure.
    if (isCutOff) return { cutShort: endedEarly() };
    if (watched.part === 'guess' && explanation.failureKey !== key) return { cutShort: TOO_LONG };
    const { nearestPass, nearestSearch } = explanation;
    if (nearestPass === undefined && nearestSearch.stoppedBy === 'stopped') {
      return { explanation, cutShort: endedEarly() };
    }
    return { explanation, ...(watched.part === 'beginning' ? { cutShort: TOO_LONG } : {}) };
  } catch (error) {
    if (!isRunnerError(error, 'RUNNER_INVALID_ARGUMENT')) throw error;
    return watched.part === 'guess' ? { cutShort: TOO_LONG } : {};
  }
}

/** What is watched of an execution in order to explain it; undefined if it is too long for that. */
function watchedPart(
  executor: Executor,
  { key, firedEvents, maxEvents }: ExplainedExecution,
): { readonly executor: Executor; readonly part: 'whole' | 'beginning' | 'guess' } | undefined {
  const beginning = inBrief(executor, maxEvents);
  if (beginning !== undefined) return { executor: beginning, part: 'beginning' };
  if (firedEvents <= WATCHED_EVENTS_MAX) return { executor, part: 'whole' };
  const often = briefly(executor, key);
  if (often === executor) return undefined;
  return { executor: withinEvents(often, WATCHED_EVENTS_MAX, true), part: 'guess' };
}

/**
 * Limits an endless execution to its beginning, which shows as much as the whole; undefined if the bound is low enough
 * anyway.
 */
function inBrief(executor: Executor, maxEvents: number | undefined): Executor | undefined {
  return maxEvents === undefined || maxEvents <= WATCHED_EVENTS_MAX
    ? undefined
    : withinEvents(executor, WATCHED_EVENTS_MAX, true);
}

/** Whether the time after `mustStop` is over; it begins when that is first seen. */
function hurryOf({ mustStop, now }: Pick<ExplainLimits, 'mustStop' | 'now'>): () => boolean {
  let seenAt: number | undefined;
  return () => {
    if (!mustStop()) return false;
    seenAt ??= now();
    return now() - seenAt >= HURRY_MS;
  };
}

/** An executor that cuts executions off when time is up: a single one may take minutes. */
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
  failsAgain,
}: Pick<ShrinkResult, 'executions' | 'stoppedBy' | 'flakiness' | 'failsAgain'> & {
  readonly verdict: Verdict;
}): ShrunkExecution {
  const { failure, firedEvents, traceHash } = verdict;
  return {
    decisions: logOf(verdict),
    ...{ firedEvents, traceHash, executions, stoppedBy },
    message: failure?.message ?? '',
    atMs: failure?.atMs ?? verdict.virtualMs,
    details: failure?.details ?? [],
    ...(flakiness === undefined ? {} : { flakiness }),
    ...(failsAgain === undefined ? {} : { failsAgain }),
  };
}
