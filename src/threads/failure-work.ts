/**
 * The work on failures in a thread of their own: shrink and explain one, or run an execution again and explain it.
 * Invariant: each result is sent before anything else is tried, so that it is not lost if the rest fails.
 */
import { withinEvents } from '../explore/event-budget.ts';
import { executorWith, type Executor } from '../explore/executor.ts';
import { heldHistory } from '../explore/explain/passing-history.ts';
import { eventBound, failingExecution } from '../explore/failing-execution.ts';
import { CUT_OFF_KEY } from '../explore/failure-key.ts';
import { checkReplay, type ReplayGap, type ReplayReport } from '../explore/replay-check.ts';
import { explainWithin, shrinkAndExplain, type ExplainLimits } from '../explore/shrink-and-explain.ts';
import { recordBeginning, recordTimeline, type Timeline } from '../explore/timeline/timeline.ts';
import { randomDecisions } from '../kernel/random-decisions.ts';
import { formatCount } from '../model/plural.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { recordOf } from './execution-record.ts';
import {
  boundOf,
  expectedKey,
  type ReplayOutcome,
  type ReplayResult,
  type ReplayTask,
  type FailureTask,
} from './task.ts';
import type { ThreadScenario } from './thread-scenario.ts';

/** A timeline draws every event, so of more events the beginning is enough. */
const DRAWN_EVENTS_MAX = 50_000;
/**
 * Bounds of the time for an explanation: a replay may take a few times as long as its execution, and a short one at
 * least 2 s.
 */
const EXPLAIN_MS_LEAST = 2_000;
const EXPLAIN_MS_MOST = 10_000;

/** Shrinks a failure until no progress is made or it is asked to stop, then explains it. */
export async function runFailureTask(
  { failing, explainMs, ...options }: FailureTask,
  scenario: ThreadScenario,
): Promise<void> {
  const { send } = scenario;
  const executor = scenario.guarded(scenario.executor(failing.seed), false);
  const part = await shrinkAndExplain(executor, failing, {
    ...{ ...options, ...limitsOf(scenario, explainMs) },
    onSmaller: (shrunk) => send({ type: 'part', part: { shrunk } }),
  });
  send({ type: 'part', part });
}

/** Runs an execution once, and again to draw and to explain it. */
export async function runReplayTask(task: ReplayTask, scenario: ThreadScenario): Promise<void> {
  const { log, seed } = task;
  const { send } = scenario;
  const maxEvents = boundOf(task);
  const isOfCutOff = expectedKey(task) === CUT_OFF_KEY;
  const logged = scenario.guarded(scenario.executor(seed), true);
  // Keeps no log, so that no frames of ours are in the stacks.
  const watched = scenario.guarded(scenario.executor(seed), false);
  const startedAt = performance.now();
  const keepTrace = task.keepsTrace === true;
  const report = await runOnce(
    task,
    withinEvents(executorWith(logged, { keepTrace }), maxEvents, isOfCutOff),
  );
  const durationMs = performance.now() - startedAt;
  const outcome = outcomeOf(report, task);
  send({ type: 'part', part: { outcome } });
  const { verdict } = report;
  if (keepTrace) send({ type: 'part', part: { record: recordOf(verdict) } });
  const executor = withinEvents(watched, maxEvents, isOfCutOff);
  if (task.drawsTimeline === true) {
    const isWhole = verdict.firedEvents <= DRAWN_EVENTS_MAX;
    const drawn = isWhole
      ? recordTimeline(executor, verdict.decisions())
      : timelineOfBeginning(verdict, watched);
    send({ type: 'part', part: { timeline: await drawn } });
  }
  // An execution without an end has nothing to explain.
  if (!task.explains || (isOfCutOff && verdict.failure?.kind === 'budget')) return;
  const explainMs = Math.min(EXPLAIN_MS_MOST, Math.max(EXPLAIN_MS_LEAST, 2 * durationMs));
  const part = await storyOf(outcome, report, { executor, log, seed }, limitsOf(scenario, explainMs));
  send({ type: 'part', part });
}

function limitsOf({ state }: ThreadScenario, explainMs: number): ExplainLimits {
  return { explainMs, mustStop: () => state.mustStop, now: () => performance.now() };
}

async function runOnce(
  { log, seed = '1', failureKey, onGap }: ReplayTask,
  executor: Executor,
): Promise<ReplayReport> {
  if (log !== undefined) return checkReplay(executor, log, { onGap, failureKey });
  const verdict = await executor.execute({ source: randomDecisions(seed) });
  return { verdict, isReproduced: true, isSameTrace: true };
}

function outcomeOf(
  { verdict, isReproduced, isSameTrace, gap }: ReplayReport,
  { scenario, seed, onGap }: ReplayTask,
): ReplayOutcome {
  const { failure, traceHash, firedEvents, virtualMs, decisionCount } = verdict;
  const found = { scenario, ...(seed === undefined ? {} : { seed }), index: 0, executions: 1 };
  return {
    ...{ isReproduced, isSameTrace, traceHash, firedEvents, virtualMs, decisions: decisionCount },
    ...(gap === undefined ? {} : { gap: { text: gap.text, isOfDecision: isOfDecision(gap) } }),
    continuedRandomly: onGap === 'random' && gap !== undefined && isOfDecision(gap),
    ...(failure === undefined ? {} : { failing: failingExecution(verdict, failure, found) }),
  };
}

/**
 * Of a very long execution, draws the beginning and the failure. Being cut off after the beginning does not count as a
 * failure.
 */
async function timelineOfBeginning(verdict: Verdict, executor: Executor): Promise<Timeline> {
  const { firedEvents, failure } = verdict;
  const brief = withinEvents(executor, DRAWN_EVENTS_MAX, true);
  const { otherData, ...rest } = await recordBeginning(brief, verdict);
  const first = `the first ${formatCount(DRAWN_EVENTS_MAX)} of ${formatCount(firedEvents)} events`;
  const shown = failure === undefined ? first : `${first} and the failure; what lies between is not drawn`;
  return { ...rest, otherData: { ...otherData, shown } };
}

/**
 * The explanation of a failure; if the execution holds although its log does not fit, the history of what happens now.
 */
async function storyOf(
  { failing, isReproduced }: ReplayOutcome,
  { verdict }: ReplayReport,
  { executor, log, seed }: Pick<ReplayTask, 'log' | 'seed'> & { readonly executor: Executor },
  limits: ExplainLimits,
): Promise<Omit<ReplayResult, 'outcome' | 'timeline'>> {
  if (failing !== undefined) {
    const { scenario, key, firedEvents, decisions } = failing;
    const { maxEvents } = eventBound(failing);
    return explainWithin(executor, decisions, { scenario, key, seed, firedEvents, maxEvents }, limits);
  }
  if (isReproduced || log === undefined) return {};
  return { history: await heldHistory(executor, verdict.decisions()) };
}

function isOfDecision({ expected, came }: ReplayGap): boolean {
  return expected !== undefined || came !== undefined;
}
