/** Clock events as lines of a history: for a scenario with little or no trace, they are all there is to show. */
import type { EventInfo } from '../../kernel/event-queue.ts';
import { SCENARIO_SLEEP } from '../../simulation/simulation.ts';
import type { EventNames } from './event-name.ts';
import { type HistoryCandidate, RANK, type Rank } from './history-candidate.ts';
import type { ObservedRun } from './observed-run.ts';
import { recoveryText } from './question-text.ts';
import type { RunIndex } from './run-index.ts';

/** Clock events that stop a run. */
const STOPS: ReadonlySet<string> = new Set(['deadline', 'memory', 'bound']);

/** Adds lines for clock events that no other line implies. `named` are the events named by other lines. */
export function withSilentFirings(
  { run: { firings }, names, order }: RunIndex,
  candidates: readonly HistoryCandidate[],
  named: readonly number[],
): HistoryCandidate[] {
  const silent = silentIn(firings, candidates, named);
  const periodic = periodicIn(silent);
  const lines: HistoryCandidate[] = [];
  let next = 0;
  const addUntil = (at: number): void => {
    for (let firing = silent[next]; firing !== undefined; firing = silent[next]) {
      if ((order.get(firing.id) ?? 0) >= at) return;
      lines.push(lineOf(firing, names, rankOf(firing, periodic)));
      next += 1;
    }
  };
  for (const candidate of candidates) {
    addUntil(order.get(candidate.firingId) ?? -1);
    lines.push(candidate);
  }
  addUntil(Infinity);
  return lines;
}

function silentIn(
  firings: ObservedRun['firings'],
  candidates: readonly HistoryCandidate[],
  named: readonly number[],
): EventInfo[] {
  const telling = new Set(
    candidates.filter(({ rank }) => rank < RANK.routine).map(({ firingId }) => firingId),
  );
  const doing = new Set(candidates.map(({ firingId }) => firingId));
  const namedByOthers = new Set(named);
  // The effect of a stop appears only later, so the stop needs a line of its own.
  const isSpeaking = ({ id, topic }: EventInfo): boolean =>
    namedByOthers.has(id) || telling.has(id) || (doing.has(id) && !STOPS.has(topic.what));
  return [...firings.values()].filter((firing) => !isSpeaking(firing));
}

function lineOf(firing: EventInfo, names: EventNames, rank: Rank): HistoryCandidate {
  const { id, topic, atMs } = firing;
  const isEnd = topic === SCENARIO_SLEEP || names.isStep(firing);
  const textOf = (): string => recoveryText(firing) ?? `${names.of(firing)} ${isEnd ? 'ends' : 'fires'}`;
  return { role: 'event', atMs, runner: '', textOf, firingId: id, isFiring: true, rank };
}

function rankOf(firing: EventInfo, periodic: ReadonlySet<number>): Rank {
  const isSleep = firing.topic === SCENARIO_SLEEP;
  // Looking up where a sleep was set is slow; without a place it is almost never the user's.
  if (isSleep && !('place' in firing)) return RANK.routine;
  return isSleep || periodic.has(firing.id) ? RANK.minor : RANK.around;
}

/** Repeated firings of the same event, apart from the first and the last. */
function periodicIn(silent: readonly EventInfo[]): ReadonlySet<number> {
  const byText = new Map<string, number[]>();
  for (const { id, topic } of silent) {
    const ids = byText.get(topic.text);
    if (ids === undefined) byText.set(topic.text, [id]);
    else ids.push(id);
  }
  return new Set([...byText.values()].flatMap((ids) => ids.slice(1, -1)));
}
