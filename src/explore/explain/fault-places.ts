/**
 * Finds the event of each decided fault in the trace. Invariant: an event belongs to one decision only: to the one right
 * before it, unless only the words of an earlier one are those of the event, because that one strikes later.
 */
import { faultText, type FaultEvent } from '../../model/faults.ts';
import type { ObservedDecision, ObservedRun } from './observed-run.ts';
import { answerText } from './question-text.ts';

/** The places of the faults of one execution in its trace. */
export class FaultPlaces {
  readonly #places = new Map<ObservedDecision, number>();
  readonly #decisions = new Map<number, ObservedDecision>();
  readonly #events: ObservedRun['events'];
  readonly #asked: readonly ObservedDecision[];
  /** Decisions by their words, those before `#worded`. */
  readonly #byWords = new Map<string, ObservedDecision[]>();
  #worded = 0;

  /** `asked` are the non-default decisions about faults, in order. */
  constructor({ events }: Pick<ObservedRun, 'events'>, asked: readonly ObservedDecision[]) {
    this.#events = events;
    this.#asked = asked;
    let next = 0;
    events.forEach(({ event }, at) => {
      while ((asked[next]?.traceIndex ?? Infinity) <= at) next += 1;
      if (event.type !== 'fault' || event.afterEvent !== undefined) return;
      const decision = this.#decisionOf(event, at, next);
      if (decision === undefined) return;
      this.#places.set(decision, at);
      this.#decisions.set(at, decision);
    });
  }

  /** The place of its event; undefined if there is none. */
  of(decision: ObservedDecision): number | undefined {
    return this.#places.get(decision);
  }

  /** True for the event of a decision. */
  isDecided(at: number): boolean {
    return this.#decisions.has(at);
  }

  /** `asked` is the number of decisions before the event. */
  #decisionOf(event: FaultEvent, at: number, asked: number): ObservedDecision | undefined {
    const last = this.#asked[asked - 1];
    const isRightBefore = last?.traceIndex === at && last.firingId === this.#events[at]?.firingId;
    const before = isRightBefore ? last : undefined;
    if (isOfNetwork(event)) return before;
    const words = before === undefined ? undefined : wordsOf(before);
    if (before !== undefined && (words === '' || words === faultText(event))) return before;
    return this.#lastWorded(faultText(event), asked) ?? before;
  }

  /** The last of the decisions with these words that has no event yet. */
  #lastWorded(text: string, asked: number): ObservedDecision | undefined {
    for (; this.#worded < asked; this.#worded += 1) {
      const decision = this.#asked[this.#worded] as ObservedDecision;
      const words = wordsOf(decision);
      const alike = this.#byWords.get(words);
      if (alike === undefined) this.#byWords.set(words, [decision]);
      else alike.push(decision);
    }
    const alike = this.#byWords.get(text) ?? [];
    while (alike.length > 0) {
      const last = alike.pop() as ObservedDecision;
      if (!this.#places.has(last)) return last;
    }
    return undefined;
  }
}

/** True for a fault of a message or between nodes, which strikes when it is decided. */
export function isOfNetwork({ message, parts }: FaultEvent): boolean {
  return message !== undefined || parts !== undefined;
}

/** Empty if the asker has no words for it. */
function wordsOf(decision: ObservedDecision): string {
  return answerText(decision, decision.answer) ?? '';
}
