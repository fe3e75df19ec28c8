/**
 * What the details of a failure say, as data. Invariant: explanations go by kinds and places alone; the texts that people read are made here,
 * and nobody takes them apart again.
 */
import { stackOf } from '../kernel/errors.ts';
import { timesText } from '../model/plural.ts';

/** What a {@link FailureFact} is about. */
export type FactKind =
  /** Owners who wait for each other. */
  | 'circle'
  /** Somebody waits for something. */
  | 'wait'
  /** What keeps more from being known of waits. */
  | 'hint'
  /** Where the scenario awaits a promise. */
  | 'await'
  /** Where the promise that it awaits was made. */
  | 'promise'
  /** What was called outside of the simulation. */
  | 'outside'
  /** What is held, pending or left, what repeats, and all else that is said of a failure. */
  | 'other';

/** One detail of a failure. See {@link simulate}. */
export interface FailureFact {
  readonly kind: FactKind;
  /** One line. */
  readonly text: string;
  /** What the text says beside its kind, where a sentence names that already. Default: the text. */
  readonly brief?: string;
  /** How many there are of which all is the same. Default 1. */
  readonly count?: number;
  /** Where it was made, as an error has it below its first line. */
  readonly stack?: string;
  /** It is known what should have ended the wait, and the text says it. Default false. */
  readonly isOwed?: boolean;
}

/** A fact of which nothing but its text matters, and where it was made if that is known. */
export function plainFact(text: string, stack?: string): FailureFact {
  return { kind: 'other', text, ...(stack === undefined || stack === '' ? {} : { stack }) };
}

/** Where it was made, of an error that was made there: its stack becomes text only now. */
export function placedAt(place: Error | undefined): Pick<FailureFact, 'stack'> {
  const [, ...frames] = stackOf(place)?.split('\n') ?? [];
  return frames.length === 0 ? {} : { stack: frames.join('\n') };
}

/** Whether somebody waits. */
export function isWait({ kind }: FailureFact): boolean {
  return kind === 'wait' || kind === 'circle';
}

/** The fact in one line, with its number. */
export function factLine({ text, count = 1 }: Pick<FailureFact, 'text' | 'count'>): string {
  return `${text}${timesText(count)}`;
}

/** The fact with its stack below. */
export function factText(fact: FailureFact): string {
  return fact.stack === undefined ? factLine(fact) : `${factLine(fact)}\n${fact.stack}`;
}

/** What a failure has of facts. */
interface Detailed {
  readonly details: readonly string[];
  readonly facts?: readonly FailureFact[];
}

/** What is known of a failure, as data; of one that was made elsewhere, its details as they are. */
export function factsOf({ facts, details }: Detailed): readonly FailureFact[] {
  return facts ?? details.map((text) => plainFact(text));
}

/** The facts, and the details that say them. */
export function detailedBy(facts: readonly FailureFact[]): Required<Detailed> {
  return { details: facts.map(factText), facts };
}

/** Those with the same key are one, with their number; in the order of the first of each. */
export function countedAlike<Fact extends Pick<FailureFact, 'count'>>(
  facts: Iterable<Fact>,
  keyOf: (fact: Fact) => string,
): Fact[] {
  const counted = new Map<string, Fact>();
  for (const fact of facts) {
    const key = keyOf(fact);
    const alike = counted.get(key);
    counted.set(
      key,
      alike === undefined ? fact : { ...alike, count: (alike.count ?? 1) + (fact.count ?? 1) },
    );
  }
  return [...counted.values()];
}

/** One of each key, in order: tasks that run the same code wait at the same place. */
export function withoutRepeats<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[] {
  const first = new Map<string, Item>();
  for (const item of items) if (!first.has(keyOf(item))) first.set(keyOf(item), item);
  return [...first.values()];
}
