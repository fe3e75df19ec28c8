/** All lines that the history of an execution may have, in the order of happening: decisions stand before what they led to. */
import { eventText } from '../../trace/event-text.ts';
import type { Failure } from '../../simulation/verdict.ts';
import { DecidedLines } from './decided-lines.ts';
import type { EventNames } from './event-name.ts';
import { EventRanks } from './event-ranks.ts';
import { Exchanges } from './exchanges.ts';
import { wordsOf } from './failure-subjects.ts';
import { isLoss } from './file-losses.ts';
import type { HistoryCandidate } from './history-candidate.ts';
import type { ObservedRun } from './observed-run.ts';
import { RepeatedLosses } from './repeated-losses.ts';
import { RepeatedNotes } from './repeated-notes.ts';
import { withSilentFirings } from './silent-firings.ts';

/** Those of an execution that fails. */
export function candidatesOf(run: ObservedRun, failure: Failure, names: EventNames): HistoryCandidate[] {
  const exchanges = new Exchanges(run);
  const losses = new RepeatedLosses(run.events);
  const notes = new RepeatedNotes(run.events, wordsOf(failure));
  const ranks = new EventRanks(run, failure, { exchanges, notes });
  const decided = new DecidedLines(run, names);
  const candidates: HistoryCandidate[] = [];
  run.events.forEach(({ event, firingId }, index) => {
    candidates.push(...decided.takeUntil(index));
    if (decided.isSaidWithAnother(event) || losses.isRepeat(event)) return;
    const fault = decided.faultText(event);
    const textOf = (): string =>
      (fault ?? exchanges.textOf(event) ?? eventText(event)) +
      losses.timesText(event) +
      notes.timesText(event);
    if (isLoss(event) && isSaid(candidates, firingId, textOf())) return;
    const { at: atMs, runner } = event;
    const role = fault === undefined ? 'event' : 'decision';
    candidates.push({
      role,
      atMs,
      runner,
      textOf,
      firingId,
      event,
      isFiring: false,
      rank: ranks.rankOf(event),
    });
  });
  candidates.push(...decided.takeUntil(Infinity));
  return withSilentFirings(run, names, candidates, decided.groupedEventIds);
}

/** Whether a decision since the event fired says the same. */
function isSaid(candidates: readonly HistoryCandidate[], firingId: number, text: string): boolean {
  const since = candidates.findLastIndex((candidate) => candidate.firingId !== firingId) + 1;
  return candidates.slice(since).some(({ role, textOf }) => role === 'decision' && textOf() === text);
}
