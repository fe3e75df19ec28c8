/**
 * Runs an execution again in an exploring thread, and explains what it comes to. Invariant: the outcome is sent before anything else is
 * tried, so that it is known whatever becomes of the explanation.
 */
import { withinEvents } from '../explore/event-budget.ts';
import type { Executor } from '../explore/executor.ts';
import { CUT_OFF_KEY } from '../explore/failure-key.ts';
import { heldHistory } from '../explore/explain/held-history.ts';
import { checkReplay, type ReplayGap, type ReplayReport } from '../explore/replay-check.ts';
import { recordBeginning, recordTimeline, type Timeline } from '../explore/timeline/timeline.ts';
import { randomDecisions } from '../kernel/random-decisions.ts';
import { formatCount } from '../model/plural.ts';
import type { Verdict } from '../simulation/verdict.ts';
import { DRAWN_EVENTS_MAX, explained } from './explained-failure.ts';
import type { ExploreSharedState } from './shared-state.ts';
import { smallerFailure } from './shrink-work.ts';
import type { ExploreMessage, ReplayOutcome, ReplayStory, ReplayTask } from './task.ts';

/** The same scenario: with its decisions told, and without anything of ours among the frames of its stacks. */
export interface ReplayExecutors {
  readonly logged: Executor;
  readonly watched: Executor;
}

/** A replay is to take a few times what its execution takes; a short one has this much for its explanation. */
const EXPLAIN_MS_LEAST = 2_000;
const EXPLAIN_MS_MOST = 10_000;

/** Runs the execution once, and more often to explain it. */
export async function runReplayTask(
  task: ReplayTask,
  executors: ReplayExecutors,
  state: ExploreSharedState,
  tell: (message: ExploreMessage) => void,
): Promise<void> {
  const { log } = task;
  const maxEvents = log !== undefined && 'maxEvents' in log ? log.maxEvents : task.maxEvents;
  const isOfCutOff = keyOf(task) === CUT_OFF_KEY;
  const logged = withinEvents(executors.logged, maxEvents, isOfCutOff);
  const watched = withinEvents(executors.watched, maxEvents, isOfCutOff);
  const startedAt = performance.now();
  const report = await execute(task, logged);
  const tookMs = performance.now() - startedAt;
  tell({ type: 'replayed', outcome: outcomeOf(report, task) });
  const { verdict } = report;
  if (task.drawsTimeline === true) {
    const isWhole = verdict.firedEvents <= DRAWN_EVENTS_MAX;
    const timeline = isWhole
      ? await recordTimeline(watched, verdict.decisions())
      : await beginningOf(verdict, executors.watched);
    tell({ type: 'timeline', timeline });
  }
  // What has no end has nothing to explain.
  if (!task.explains || (isOfCutOff && verdict.failure?.kind === 'budget')) return;
  const timeMs = Math.min(EXPLAIN_MS_MOST, Math.max(EXPLAIN_MS_LEAST, 2 * tookMs));
  tell({
    type: 'story',
    story: await storyOf(report, task, watched, { timeMs, mustStop: () => state.mustStop }),
  });
}

/** What goes on and on is seen in its beginning and its failure. That it is cut off there is no failure of its own. */
async function beginningOf(verdict: Verdict, executor: Executor): Promise<Timeline> {
  const { firedEvents, failure } = verdict;
  const brief = withinEvents(executor, DRAWN_EVENTS_MAX, true);
  const { otherData, ...rest } = await recordBeginning(brief, verdict);
  const first = `the first ${formatCount(DRAWN_EVENTS_MAX)} of ${formatCount(firedEvents)} events`;
  const shown = failure === undefined ? first : `${first} and the failure; what lies between is not drawn`;
  return { ...rest, otherData: { ...otherData, shown } };
}

async function execute(
  { log, seed = '1', failureKey, onGap }: ReplayTask,
  executor: Executor,
): Promise<ReplayReport> {
  if (log !== undefined) return checkReplay(executor, log, { onGap, failureKey });
  const verdict = await executor.execute({ source: randomDecisions(seed) });
  return { verdict, isReproduced: true, isSameTrace: true };
}

function outcomeOf(
  { verdict, isReproduced, isSameTrace, gap }: ReplayReport,
  { onGap }: ReplayTask,
): ReplayOutcome {
  const { failure, traceHash, firedEvents, virtualMs, decisionCount } = verdict;
  return {
    ...{ isReproduced, isSameTrace, traceHash, firedEvents, virtualMs, decisions: decisionCount },
    ...(gap === undefined ? {} : { gap: { text: gap.text, isOfDecision: isOfDecision(gap) } }),
    wentOn: onGap === 'random' && gap !== undefined && isOfDecision(gap),
    ...(failure === undefined
      ? {}
      : {
          failure: {
            ...smallerFailure({ verdict, executions: 1 }),
            kind: failure.kind,
            ...(failure.rule === undefined ? {} : { rule: failure.rule }),
          },
        }),
  };
}

async function storyOf(
  { verdict, isReproduced }: ReplayReport,
  { scenario: reference, seed, log }: ReplayTask,
  executor: Executor,
  limits: { readonly timeMs: number; readonly mustStop: () => boolean },
): Promise<ReplayStory> {
  const { failure, firedEvents } = verdict;
  if (failure !== undefined) {
    const maxEvents = failure.kind === 'budget' ? firedEvents : undefined;
    return explained(executor, verdict.decisions(), { reference, seed, firedEvents, maxEvents, ...limits });
  }
  if (isReproduced || log === undefined) return {};
  return { history: await heldHistory(executor, verdict.decisions()) };
}

function keyOf({ log, failureKey }: ReplayTask): string | undefined {
  return log !== undefined && 'failureKey' in log ? log.failureKey : failureKey;
}

function isOfDecision({ expected, came }: ReplayGap): boolean {
  return expected !== undefined || came !== undefined;
}
