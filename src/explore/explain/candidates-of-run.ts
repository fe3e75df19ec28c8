/** Collects all lines that a history may show, in chronological order; a decision comes before its effects. */
import type { Failure } from '../../simulation/verdict.ts';
import { DecidedLines } from './decided-lines.ts';
import { EventRanks } from './event-ranks.ts';
import { wordsOf } from './failure-subjects.ts';
import { isLoss } from './file-losses.ts';
import type { HistoryCandidate } from './history-candidate.ts';
import type { ObservedDecision } from './observed-run.ts';
import { RepeatedLosses } from './repeated-losses.ts';
import { RecurringLines } from './recurring-lines.ts';
import type { RunIndex } from './run-index.ts';
import { withSilentFirings } from './silent-firings.ts';

/** The candidates of a failing execution; `decisive` are the decisions that differ in the nearest passing one. */
export function candidatesOf(
  index: RunIndex,
  failure: Failure,
  decisive: readonly ObservedDecision[] = [],
): HistoryCandidate[] {
  const { run, exchanges, struckCalls } = index;
  const losses = new RepeatedLosses(run.events);
  const words = wordsOf(failure);
  const recurring = new RecurringLines(run.events, exchanges);
  const ranks = new EventRanks(index, failure, { words, recurring });
  const decided = new DecidedLines(index, decisive);
  const candidates: HistoryCandidate[] = [];
  run.events.forEach(({ event, firingId }, at) => {
    for (const line of decided.takeUntil(at)) candidates.push(line);
    if (decided.isPartOfAnother(event) || losses.isRepeat(event)) return;
    const fault = decided.faultOf(event);
    const textOf = (): string =>
      (fault?.text ?? exchanges.textOf(event) ?? index.textOf(event)) +
      struckCalls.outcomeText(event) +
      losses.timesText(event) +
      recurring.timesText(event);
    if (isLoss(event) && isStatedSince(candidates, firingId, textOf())) return;
    const { at: atMs, runner } = event;
    const role = fault === undefined ? 'event' : 'decision';
    const story = recurring.storyOf(event);
    candidates.push({
      role,
      atMs,
      runner,
      textOf,
      firingId,
      event,
      isFiring: false,
      ...(fault === undefined ? {} : { topic: fault.decision.question.topic }),
      rank: decided.rankOfFault(fault) ?? ranks.rankOf(event),
      ...(story === undefined ? {} : { story }),
    });
  });
  for (const line of decided.takeUntil(Infinity)) candidates.push(line);
  return withSilentFirings(index, candidates, decided.groupedEventIds);
}

/** True if a decision since the event fired has the same text. */
function isStatedSince(candidates: readonly HistoryCandidate[], firingId: number, text: string): boolean {
  const since = candidates.findLastIndex((candidate) => candidate.firingId !== firingId) + 1;
  return candidates.slice(since).some(({ role, textOf }) => role === 'decision' && textOf() === text);
}
