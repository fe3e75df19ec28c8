/**
 * Notes, messages and retries that recur, apart from the numbers in them: a few of each kind stand for all. Invariant: of kinds
 * that alternate in one story, such as the notes of one owner, the last rounds are kept whole, because lines without
 * those between them say something that did not happen; of a kind that recurs alone, the first and the last are kept.
 */
import { ordinal } from '../../model/plural.ts';
import type { MessageEvent } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import { withoutNumbers } from '../without-numbers.ts';
import type { Exchanges } from './exchanges.ts';
import { isOften } from './history-candidate.ts';
import type { ObservedRun } from './observed-run.ts';

type NoteEvent = Extract<TraceEvent, { readonly type: 'note' }>;
type RecordedEvent = Extract<TraceEvent, { readonly type: 'recorded' }>;
type LineEvent = NoteEvent | MessageEvent | RecordedEvent;

/** Rounds of a story that are kept: the last one, which leads to the failure, and one to compare it with. */
const ROUNDS = 2;

/** Lines that are alike. */
interface Kind {
  readonly story: string;
  readonly first: LineEvent;
  count: number;
  readonly instants: Set<number>;
}

/** The recurring notes, messages and retries of one execution. */
export class RecurringLines {
  readonly #recurring = new Set<TraceEvent>();
  readonly #between = new Set<TraceEvent>();
  readonly #stories = new Map<TraceEvent, string>();
  readonly #timesOfLast = new Map<TraceEvent, number>();

  constructor(events: ObservedRun['events'], exchanges: Exchanges) {
    const kindOf = kindsIn(events, exchanges);
    const stories = new Map<string, LineEvent[]>();
    for (const [line, kind] of kindOf) {
      // Each note goes on from what its owner noted before.
      if (line.type === 'note') this.#stories.set(line, kind.story);
      if (!isRecurring(kind)) continue;
      this.#recurring.add(line);
      const lines = stories.get(kind.story);
      if (lines === undefined) stories.set(kind.story, [line]);
      else lines.push(line);
    }
    for (const lines of stories.values()) this.#thin(lines, kindOf);
    this.#count(events);
  }

  /** True if there are many lines of the kind. */
  isRecurring(event: TraceEvent): boolean {
    return this.#recurring.has(event);
  }

  /** True if others of the kind stand for it. */
  isBetween(event: TraceEvent): boolean {
    return this.#between.has(event);
  }

  /** What a note goes on from; undefined for a line that is complete without others. */
  storyOf(event: TraceEvent): string | undefined {
    return this.#stories.get(event);
  }

  /** For the last of identical notes or retries, its ordinal; empty for all others. */
  timesText(event: TraceEvent): string {
    const times = this.#timesOfLast.get(event);
    return times === undefined ? '' : `, for the ${ordinal(times)} time`;
  }

  /** Decides which of the recurring lines of a story, in chronological order, are kept. */
  #thin(lines: readonly LineEvent[], kindOf: ReadonlyMap<LineEvent, Kind>): void {
    const rhythms = new Set([...new Set(lines.map((line) => kindOf.get(line)))].map(rhythmOf));
    const isAlone = rhythms.size === 1;
    const kept = isAlone ? endsOf(lines) : lastRoundsOf(lines, kindOf);
    for (const line of lines) {
      if (!kept.has(line)) this.#between.add(line);
      // Of what recurs alone, the count of the last line says that there were others.
      if (isAlone) this.#stories.delete(line);
    }
  }

  #count(events: ObservedRun['events']): void {
    const alike = new Map<string, (NoteEvent | RecordedEvent)[]>();
    for (const { event } of events) {
      if (event.type !== 'note' && event.type !== 'recorded') continue;
      if (!this.#recurring.has(event)) continue;
      const key = event.type === 'note' ? `${event.runner}\n${event.text}` : recordedKeys(event).join();
      const notes = alike.get(key);
      if (notes === undefined) alike.set(key, [event]);
      else notes.push(event);
    }
    for (const notes of alike.values()) {
      const [last, before] = [notes.at(-1), notes.at(-2)];
      // Equal notes of one instant share a line, which has a count of its own.
      if (last === undefined || last.at === before?.at) continue;
      if (isOften(new Set(notes.map(({ at }) => at)).size)) this.#timesOfLast.set(last, notes.length);
    }
  }
}

/** Equal notes of one instant share a line anyway. */
function isRecurring({ first, count, instants }: Kind): boolean {
  return isOften(first.type === 'note' ? instants.size : count);
}

/** Kinds with the same rhythm always come together, as if they were one. */
function rhythmOf(kind: Kind | undefined): string {
  return [...(kind?.instants ?? [])].join();
}

/** The kind of each line, in chronological order. */
function kindsIn(events: ObservedRun['events'], exchanges: Exchanges): ReadonlyMap<LineEvent, Kind> {
  const kinds = new Map<string, Kind>();
  const kindOf = new Map<LineEvent, Kind>();
  for (const { event } of events) {
    if (event.type !== 'note' && event.type !== 'message' && event.type !== 'recorded') continue;
    // What fails again is another failure; only what is tried again is the same.
    if (event.type === 'recorded' && event.isRepeated !== true) continue;
    // What another line implies is no line of its own.
    if (event.type === 'message' && exchanges.isRedundant(event)) continue;
    const [story, key] = keysOf(event);
    const kind = kinds.get(key) ?? { story, first: event, count: 0, instants: new Set() };
    kinds.set(key, kind);
    kindOf.set(event, kind);
    kind.count += 1;
    kind.instants.add(event.at);
  }
  return kindOf;
}

function keysOf(event: LineEvent): readonly [string, string] {
  switch (event.type) {
    case 'note':
      return noteKeys(event);
    case 'message':
      return messageKeys(event);
    case 'recorded':
      return recordedKeys(event);
  }
}

/** Retries of one run for one reason. */
function recordedKeys({ runner, runId, what, error }: RecordedEvent): readonly [string, string] {
  const key = JSON.stringify(['retry', runner, runId, what, withoutNumbers(error)]);
  return [key, key];
}

/** The story of a note, and what it has in common with the notes of its kind. */
function noteKeys({ runner, text }: NoteEvent): readonly [string, string] {
  return [`note ${runner}`, `note ${runner}\n${withoutNumbers(text)}`];
}

/**
 * The answers of a node are one story. All other messages, such as heartbeats, go on from nothing that was sent before.
 */
function messageKeys({ runner, to, step, kind, name }: MessageEvent): readonly [string, string] {
  const key = JSON.stringify([runner, to, step, kind, name]);
  return [kind === 'reply' || kind === 'error' ? `answer ${runner}` : key, key];
}

/** The first and the last message, or the notes of the first and the last instant. */
function endsOf(lines: readonly LineEvent[]): ReadonlySet<LineEvent> {
  const ends = new Set([lines[0], lines.at(-1)]);
  const times = new Set([...ends].map((line) => line?.at));
  return new Set(lines.filter((line) => ends.has(line) || (line.type === 'note' && times.has(line.at))));
}

/** The last rounds of a story, in each of which a kind occurs once, and the last line of each kind. */
function lastRoundsOf(
  lines: readonly LineEvent[],
  kindOf: ReadonlyMap<LineEvent, Kind>,
): ReadonlySet<LineEvent> {
  const kept = new Set(new Map(lines.map((line) => [kindOf.get(line), line])).values());
  let round = new Set<Kind | undefined>();
  let rounds = 1;
  for (const line of lines.toReversed()) {
    const kind = kindOf.get(line);
    if (round.has(kind)) {
      rounds += 1;
      round = new Set();
    }
    if (rounds > ROUNDS) break;
    round.add(kind);
    kept.add(line);
  }
  return kept;
}
