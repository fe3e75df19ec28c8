/** Runs a log again in an exploring thread, and explains the failure that it comes to. */
import { withinEvents } from '../explore/event-budget.ts';
import type { Executor } from '../explore/executor.ts';
import { checkReplay, type ReplayGap } from '../explore/replay-check.ts';
import { explained, smallerFailure } from './explore-shrink-work.ts';
import type { ExploreMessage, ReplayOutcome, ReplayTask } from './explore-task.ts';

/** The same scenario: with its decisions told, and without anything of ours among the frames of its stacks. */
export interface ReplayExecutors {
  readonly recorded: Executor;
  readonly watched: Executor;
}

/** Runs the log once, and more often to explain it. */
export async function runReplayTask(
  { scenario, log, failureKey, onGap }: ReplayTask,
  { recorded, watched }: ReplayExecutors,
  tell: (message: ExploreMessage) => void,
): Promise<void> {
  const maxEvents = 'maxEvents' in log ? log.maxEvents : undefined;
  const { verdict, isReproduced, gap } = await checkReplay(withinEvents(recorded, maxEvents), log, {
    onGap,
    failureKey,
  });
  const { failure, traceHash, firedEvents, virtualMs, decisionCount } = verdict;
  const isOwn = failure !== undefined && (isReproduced || onGap === 'random');
  const outcome: ReplayOutcome = {
    isReproduced,
    ...{ traceHash, firedEvents, virtualMs, decisions: decisionCount },
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
    ...(isOwn
      ? await explained(withinEvents(watched, maxEvents), verdict.decisions(), { reference: scenario })
      : {}),
  };
  tell({ type: 'replayed', outcome });
}

function isOfDecision({ expected, came }: ReplayGap): boolean {
  return expected !== undefined || came !== undefined;
}
