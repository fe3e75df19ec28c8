/**
 * The notes and messages to which the text of a failure points: those that contain names or numbers of it which few
 * others contain. Invariant: each text is searched once for all words of the failure, and no line is formatted.
 */
import type { MessageEvent } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { CallArguments } from './call-arguments.ts';
import type { Exchanges } from './exchanges.ts';
import { hasNumber } from './name-words.ts';
import type { RecurringLines } from './recurring-lines.ts';
import type { ObservedRun } from './observed-run.ts';

/** Words that more lines contain together point to none of them. */
const ALIKE_MAX = 6;
/** Maximum number of notes and of messages pointed to: a history has to show more than these. */
const POINTED_MAX = 6;
/** Words that are in any sentence, and name nothing. */
const COMMON = new Set(
  'a after again an and are as at be been before both but by did does for from had has have in is it its lost more never no not of on once one only or should than that the their then there they this to twice two was were when which while with without'.split(
    ' ',
  ),
);
/** At most this many words are looked for, because a message may have pages of data. */
const WORDS_MAX = 100;
const SINGLE_DIGIT = /^\d$/;

/** A line and the words of the failure in it. */
interface Mention {
  readonly event: TraceEvent;
  /** Places of the words among those of the failure, ascending. */
  readonly words: readonly number[];
  readonly isRecurring: boolean;
}

/** What {@link pointedLines} looks at. */
export interface PointedContext {
  readonly words: ReadonlySet<string>;
  readonly args: CallArguments;
  readonly exchanges: Exchanges;
  readonly recurring: RecurringLines;
}

/**
 * The lines to which the words point, with the number of notes or messages that contain the same words: the notes with
 * the rarest words, and the last messages, at most six of each.
 */
export function pointedLines(
  events: ObservedRun['events'],
  { words, args, exchanges, recurring }: PointedContext,
): ReadonlyMap<TraceEvent, number> {
  const wordsIn = finderOf(words);
  if (wordsIn === undefined) return new Map();
  const owners = new Set(events.map(({ event }) => event.runner));
  // If the failure names calls, its numbers are theirs.
  const namesCalls = events.some(({ event }) => event.type === 'message' && words.has(event.name));
  const mentions: Mention[] = [];
  for (const { event } of events) {
    if (event.type !== 'note' && (namesCalls || !isArrival(event, exchanges))) continue;
    const found = wordsIn(
      event.type === 'note'
        ? event.text
        : [event.runner, event.to, event.name, args.of(event), event.detail].join(' '),
    );
    const isRecurring = recurring.isRecurring(event);
    // Whose line it is counts without this, and a single digit may count something else.
    const isPointed = found.some(({ text }) => !owners.has(text) && !SINGLE_DIGIT.test(text));
    const isNamed = event.type === 'message' || !isRecurring || found.some(({ text }) => hasNumber(text));
    if (isPointed && isNamed) mentions.push({ event, words: found.map(({ at }) => at), isRecurring });
  }
  const notes = fewAlike(mentions.filter(({ event }) => event.type === 'note'));
  const messages = fewAlike(mentions.filter(({ event }) => event.type === 'message'));
  return new Map([...notes.toSorted(byCount).slice(0, POINTED_MAX), ...messages.slice(-POINTED_MAX)]);
}

/** True for what arrives: what becomes of other messages is ranked by what stopped them. */
function isArrival(event: TraceEvent, exchanges: Exchanges): event is MessageEvent {
  return event.type === 'message' && event.step === 'delivered' && !exchanges.isRedundant(event);
}

function byCount(
  [one, oneAlike]: readonly [TraceEvent, number],
  [other, otherAlike]: readonly [TraceEvent, number],
): number {
  return oneAlike - otherAlike || other.at - one.at;
}

/** The mentions whose words few others share, in order, with how many do. */
function fewAlike(mentions: readonly Mention[]): readonly (readonly [TraceEvent, number])[] {
  const bySet = new Map<string, Mention[]>();
  for (const mention of mentions) {
    const key = `${mention.isRecurring} ${mention.words.join(' ')}`;
    const alike = bySet.get(key);
    if (alike === undefined) bySet.set(key, [mention]);
    else alike.push(mention);
  }
  const groups = [...bySet.values()].flatMap((alike) => {
    const [first] = alike;
    return first === undefined ? [] : [{ alike, first, words: new Set(first.words) }];
  });
  // Of an execution that was not shrunk, nearly each line may have words of its own: not all are compared with all.
  const byWord = new Map<number, typeof groups>();
  for (const group of groups) {
    for (const word of group.words) {
      const withWord = byWord.get(word);
      if (withWord === undefined) byWord.set(word, [group]);
      else withWord.push(group);
    }
  }
  const counts = new Map<Mention, number>();
  for (const { alike, first } of groups) {
    let count = 0;
    for (const other of shortest(first.words.map((word) => byWord.get(word) ?? []))) {
      // What recurs hides nothing that happened once.
      if (!first.isRecurring && other.first.isRecurring) continue;
      if (first.words.every((word) => other.words.has(word))) count += other.alike.length;
      if (count > ALIKE_MAX) break;
    }
    for (const mention of alike) counts.set(mention, count);
  }
  return mentions.flatMap((mention) => {
    const count = counts.get(mention) ?? Infinity;
    return count > ALIKE_MAX ? [] : [[mention.event, count] as const];
  });
}

function shortest<Item>(lists: readonly (readonly Item[])[]): readonly Item[] {
  return lists.reduce((one, other) => (other.length < one.length ? other : one));
}

/** A word of the failure, and its place among them. */
interface FoundWord {
  readonly at: number;
  readonly text: string;
}

/** Finds the words in a text, in their order in the failure; undefined if there are none to find. */
function finderOf(words: ReadonlySet<string>): ((text: string) => FoundWord[]) | undefined {
  const names = [...words].filter((word) => !COMMON.has(word.toLowerCase())).slice(0, WORDS_MAX);
  if (names.length === 0) return undefined;
  const numbers = new Map(names.map((name, at) => [name, at]));
  const pattern = names
    .toSorted((one, other) => other.length - one.length)
    .map((name) => name.replaceAll('.', '\\.'))
    .join('|');
  const any = new RegExp(`(?<![\\p{L}\\p{N}_])(?:${pattern})(?![\\p{L}\\p{N}_])`, 'gu');
  return (text) => {
    const found = [...new Set(text.match(any))].map((name) => ({ at: numbers.get(name) ?? 0, text: name }));
    return found.sort((one, other) => one.at - other.at);
  };
}
