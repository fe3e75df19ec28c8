/** Clock events as lines of a history: for a scenario with little or no trace, they are all there is to show. */
import type { EventInfo } from '../../kernel/event-queue.ts';
import type { Topic } from '../../kernel/question.ts';
import { SCENARIO_SLEEP } from '../../simulation/simulation.ts';
import { withoutNumbers } from '../without-numbers.ts';
import { type EventNames, isSetByLine } from './event-name.ts';
import { type HistoryCandidate, isOften, RANK, type Rank } from './history-candidate.ts';
import type { ObservedRun } from './observed-run.ts';
import { recoveryText } from './question-text.ts';
import type { RunIndex } from './run-index.ts';

/** Maximum number of timers that are distinguished by where they were set. */
const PLACED_MAX = 200;

/** Clock events that stop a run. */
const STOPS: ReadonlySet<string> = new Set(['deadline', 'memory', 'bound']);

/**
 * Adds lines for clock events that no other line implies. `named` are the events named by other lines. What fires
 * rarely after the first decision may have led to the failure, and comes before all that fires again and again.
 */
export function withSilentFirings(
  { run: { firings, events }, names, order, unusual }: RunIndex,
  candidates: readonly HistoryCandidate[],
  named: readonly number[],
): HistoryCandidate[] {
  const silent = silentIn(firings, candidates, named);
  const kinds = kindsOf([...firings.values()], names);
  const recurrenceOf = recurrencesOf(kinds, silent);
  const isPlain = events.every(({ event }) => event.type === 'note');
  const turns = isPlain ? turnsIn([...firings.values()], kinds) : new Set<EventInfo>();
  const [first] = unusual;
  const since = first === undefined ? -1 : (order.get(first.firingId) ?? -1);
  // The line of a decision about order says what it passed over.
  const passedOver = new Set(unusual.flatMap(({ due: [passed] }) => passed?.id ?? []));
  // The sleeps of a scenario that notes what it does only separate its notes.
  const isShown = ({ id, topic }: EventInfo): boolean =>
    isOfUser(topic, true) && !passedOver.has(id) && (topic !== SCENARIO_SLEEP || events.length === 0);
  const lines: HistoryCandidate[] = [];
  let next = 0;
  const addUntil = (at: number): void => {
    for (let firing = silent[next]; firing !== undefined; firing = silent[next]) {
      const place = order.get(firing.id) ?? 0;
      if (place >= at) return;
      const recurrence = recurrenceOf(firing);
      const isTurn = turns.has(firing);
      const rank = rankOf(firing, { recurrence, isSince: place >= since, isPlain, isTurn });
      lines.push(lineOf(firing, names, { rank, isOfPlainCode: isPlain && isShown(firing) }));
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

function lineOf(
  firing: EventInfo,
  names: EventNames,
  { rank, isOfPlainCode }: { readonly rank: Rank; readonly isOfPlainCode: boolean },
): HistoryCandidate {
  const { id, topic, atMs } = firing;
  const isEnd = topic === SCENARIO_SLEEP || names.isStep(firing);
  const textOf = (): string => recoveryText(firing) ?? `${names.of(firing)} ${isEnd ? 'ends' : 'fires'}`;
  return { role: 'event', atMs, runner: '', textOf, firingId: id, isFiring: true, isOfPlainCode, rank };
}

/**
 * How often a silent event fires, apart from the numbers in its name: what fires rarely is evidence, and the rest is
 * routine.
 */
type Recurrence = 'rare' | 'end' | 'between';

/** What the rank of an event depends on besides the event. */
interface Circumstances {
  readonly recurrence: Recurrence;
  /** True since the first decision. */
  readonly isSince: boolean;
  readonly isPlain: boolean;
  /** True right before or after an event of another kind. */
  readonly isTurn: boolean;
}

function rankOf(firing: EventInfo, { recurrence, isSince, isPlain, isTurn }: Circumstances): Rank {
  const isSleep = firing.topic === SCENARIO_SLEEP;
  // Looking up where a sleep was set is slow; without a place it is almost never the user's.
  if (isSleep && !('place' in firing)) return RANK.routine;
  if (isSleep) return recurrence === 'between' ? RANK.routine : RANK.minor;
  // A sleep that comes again and again beside runners and nodes says nothing that their lines do not say.
  if (recurrence !== 'rare' && !isPlain && isNamedSleep(firing.topic)) return RANK.never;
  const ofUser = isOfUser(firing.topic, isPlain);
  if (recurrence === 'between') return isTurn && ofUser ? RANK.beside : RANK.minor;
  return recurrence === 'rare' && isSince && ofUser ? RANK.context : RANK.around;
}

/** True for timers, and in plain code also for sleeps with a name: beside runners and nodes these say little. */
function isOfUser(topic: Topic, isPlain: boolean): boolean {
  return isSetByLine(topic) || (isPlain && isNamedSleep(topic));
}

function isNamedSleep({ owner, subject }: Topic): boolean {
  return owner === '' && subject === '';
}

/** The kinds of all events, because whatever has lines of its own counts as well. */
function kindsOf(all: readonly EventInfo[], names: EventNames): Kinds {
  const kinds = new Kinds();
  for (const firing of all) kinds.addUnnumbered(firing, firing.topic.text);
  // Timers are distinguished by where they were set. Looking that up is slow, so the last ones have to do.
  const placed = all.filter((firing) => isSetByLine(firing.topic) && isOften(kinds.countOf(firing)));
  for (const firing of placed.slice(-PLACED_MAX)) kinds.add(firing, `set: ${names.of(firing)}`);
  return kinds;
}

/** The events right before or after one of another kind: where what alternates takes turns. */
function turnsIn(all: readonly EventInfo[], kinds: Kinds): ReadonlySet<EventInfo> {
  const isAnother = (one: EventInfo, other: EventInfo | undefined): boolean =>
    other !== undefined && kinds.of(one) !== kinds.of(other);
  return new Set(
    all.filter((firing, at) => [all[at - 1], all[at + 1]].some((other) => isAnother(firing, other))),
  );
}

function recurrencesOf(kinds: Kinds, silent: readonly EventInfo[]): (firing: EventInfo) => Recurrence {
  const ends = new Set<EventInfo>();
  const last = new Map<unknown, EventInfo>();
  for (const firing of silent) {
    const kind = kinds.of(firing);
    if (!last.has(kind)) ends.add(firing);
    last.set(kind, firing);
  }
  for (const firing of last.values()) ends.add(firing);
  return (firing) => {
    if (!isOften(kinds.countOf(firing))) return 'rare';
    return ends.has(firing) ? 'end' : 'between';
  };
}

/** Events by what they have in common. */
class Kinds {
  readonly #byText = new Map<string, { count: number }>();
  readonly #kindOf = new Map<EventInfo, { count: number }>();
  readonly #unnumbered = new Map<string, string>();

  add(firing: EventInfo, text: string): void {
    const kind = this.#byText.get(text) ?? { count: 0 };
    this.#byText.set(text, kind);
    kind.count += 1;
    this.#kindOf.set(firing, kind);
  }

  /** Numbers in the text do not count. */
  addUnnumbered(firing: EventInfo, text: string): void {
    const unnumbered = this.#unnumbered.get(text) ?? withoutNumbers(text);
    this.#unnumbered.set(text, unnumbered);
    this.add(firing, unnumbered);
  }

  of(firing: EventInfo): unknown {
    return this.#kindOf.get(firing);
  }

  countOf(firing: EventInfo): number {
    return this.#kindOf.get(firing)?.count ?? 0;
  }
}
