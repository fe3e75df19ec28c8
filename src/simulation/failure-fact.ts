/**
 * The details of a failure as data. Invariant: explanations depend on kinds and places only; the texts for people are
 * made here, and nothing parses them.
 */
import { stackOf } from '../kernel/errors.ts';
import { onOneLine } from '../kernel/one-line.ts';
import { timesText } from '../model/plural.ts';

/** What a {@link FailureFact} is about. */
export type FactKind =
  /** Owners that wait for each other. */
  | 'circle'
  /** An owner waits for something. */
  | 'wait'
  /** Why nothing more is known about waits. */
  | 'hint'
  /** Where the scenario awaits a promise. */
  | 'await'
  /** Where the awaited promise was created. */
  | 'promise'
  /** A call to something outside the simulation. */
  | 'outside'
  /** Why no decision leads to the failure. */
  | 'undecided'
  /** What the author of a scenario can do about it. */
  | 'remedy'
  /** Anything else about a failure: what is held, pending, left behind, or repeats. */
  | 'other';

/** One detail of a failure. See {@link simulate}. */
export interface FailureFact {
  readonly kind: FactKind;
  /** One line. */
  readonly text: string;
  /** The part of the text that its kind does not already say, for sentences that name the kind. Default: the text. */
  readonly brief?: string;
  /** How many identical facts this one stands for. Default 1. */
  readonly count?: number;
  /** Where it was made: the lines of an error's stack below its message. */
  readonly stack?: string;
  /** True if the text says what should have ended the wait. Default false. */
  readonly isOwed?: boolean;
}

/** A fact of kind `other`, with the place if known. */
export function plainFact(text: string, stack?: string): FailureFact {
  return { kind: 'other', text, ...(stack === undefined || stack === '' ? {} : { stack }) };
}

/** The stack of an error that was created to mark a place; formatted only now. */
export function placedAt(place: Error | undefined): Pick<FailureFact, 'stack'> {
  const [, ...frames] = stackOf(place)?.split('\n') ?? [];
  return frames.length === 0 ? {} : { stack: frames.join('\n') };
}

/** True if the fact is about a wait. */
export function isWait({ kind }: FailureFact): boolean {
  return kind === 'wait' || kind === 'circle';
}

/** The fact in one line, with its count. */
export function factLine({ text, count = 1 }: Pick<FailureFact, 'text' | 'count'>): string {
  return `${onOneLine(text)}${timesText(count)}`;
}

/** The fact with its stack below. */
export function factText(fact: FailureFact): string {
  return fact.stack === undefined ? factLine(fact) : `${factLine(fact)}\n${fact.stack}`;
}

/** The parts of a failure that hold facts. */
interface Detailed {
  readonly details: readonly string[];
  readonly facts?: readonly FailureFact[];
}

/** The facts of a failure; for a failure created elsewhere, its details as plain facts. */
export function factsOf({ facts, details }: Detailed): readonly FailureFact[] {
  return facts ?? details.map((text) => plainFact(text));
}

/** The facts, and the details formatted from them. */
export function detailedBy(facts: readonly FailureFact[]): Required<Detailed> {
  return { details: facts.map(factText), facts };
}

/** Merges facts with the same key into one with their count, in order of first appearance. */
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

/** Keeps the first item of each key, in order: tasks that run the same code wait at the same place. */
export function withoutRepeats<Item>(items: readonly Item[], keyOf: (item: Item) => string): Item[] {
  const first = new Map<string, Item>();
  for (const item of items) if (!first.has(keyOf(item))) first.set(keyOf(item), item);
  return [...first.values()];
}
