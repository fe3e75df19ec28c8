/**
 * Notes that one owner repeats: the first and the last stand for those between, even if the numbers in them differ. If
 * the texts are identical, the last says how many there were.
 */
import { ordinal } from '../../model/plural.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import { nameWords } from './name-words.ts';
import type { ObservedRun } from './observed-run.ts';

type NoteEvent = Extract<TraceEvent, { readonly type: 'note' }>;

/** Notes at more instants than this are repetitive. Within one instant, equal notes share a line anyway. */
const OFTEN = 3;
const NUMBER = /\d+/g;

/** The notes of one execution. */
export class RepeatedNotes {
  readonly #between = new Set<TraceEvent>();
  readonly #timesOfLast = new Map<TraceEvent, number>();

  /** `words` may be names in the failure: a note with a number of the failure is never hidden. */
  constructor(events: ObservedRun['events'], words: ReadonlySet<string>) {
    for (const notes of alike(events, ({ text }) => text.replaceAll(NUMBER, '#'))) {
      const isNamed = ({ text }: NoteEvent): boolean =>
        nameWords(text).some((word) => /\d/.test(word) && words.has(word));
      const [first, last] = [notes[0]?.at, notes.at(-1)?.at];
      const between = notes.filter(({ at }) => at !== first && at !== last);
      for (const note of between) if (!isNamed(note)) this.#between.add(note);
    }
    for (const notes of alike(events, ({ text }) => text)) {
      const [last, before] = [notes.at(-1), notes.at(-2)];
      // Equal notes of one instant share a line, which has a count of its own.
      if (last !== undefined && last.at !== before?.at) this.#timesOfLast.set(last, notes.length);
    }
  }

  /** True if an earlier and a later note say the same, apart from numbers that the failure does not mention. */
  isBetween(event: TraceEvent): boolean {
    return this.#between.has(event);
  }

  /** For the last of identical notes, its ordinal; empty for all others. */
  timesText(event: TraceEvent): string {
    const times = this.#timesOfLast.get(event);
    return times === undefined ? '' : `, for the ${ordinal(times)} time`;
  }
}

/** Groups of similar notes of one owner, made at many instants. */
function alike(events: ObservedRun['events'], wordsOf: (note: NoteEvent) => string): NoteEvent[][] {
  const groups = new Map<string, NoteEvent[]>();
  for (const { event } of events) {
    if (event.type !== 'note') continue;
    const key = `${event.runner}\n${wordsOf(event)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [event]);
    else group.push(event);
  }
  return [...groups.values()].filter((notes) => new Set(notes.map(({ at }) => at)).size > OFTEN);
}
