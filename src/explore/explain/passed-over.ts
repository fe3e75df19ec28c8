/**
 * One event that is passed over by others, one after the other, takes a decision for each of them, and is one thing to tell. Invariant: only
 * decisions that follow each other and pick the next but one are put together, so that what is told of them is all that they decide.
 */
import { counted } from '../../model/plural.ts';
import type { EventNames } from './event-name.ts';
import type { ObservedDecision } from './observed-run.ts';

/** Groups of decisions; the last one of a group is told for all. */
export class PassedOver {
  readonly #groupOf = new Map<ObservedDecision, readonly ObservedDecision[]>();

  /** `decisions` are those that are to be told, in the order of asking. */
  constructor(decisions: readonly ObservedDecision[]) {
    let group: ObservedDecision[] = [];
    for (const decision of decisions) {
      const passed = passedBy(decision);
      if (passed === undefined || passed !== passedBy(group[0])) group = [];
      group.push(decision);
      this.#groupOf.set(decision, group);
    }
  }

  /** The events that a decision with others is told to have picked. */
  get eventIds(): number[] {
    return [...this.#groupOf].flatMap(([{ due, answer }, { length }]) => {
      const id = due[answer]?.id;
      return length === 1 || id === undefined ? [] : [id];
    });
  }

  /** False for a decision that a later one is told for. */
  isTold(decision: ObservedDecision): boolean {
    return this.#of(decision).at(-1) === decision;
  }

  /** How many decisions this one is told for, itself included. */
  countOf(decision: ObservedDecision): number {
    return this.#of(decision).length;
  }

  /** The decisions of a group in words; undefined for a decision that stands for itself. */
  textOf(decision: ObservedDecision, names: EventNames): string | undefined {
    const group = this.#of(decision);
    if (group.length === 1) return undefined;
    const [first, last] = [group[0], decision].map((one) => one?.due[1]);
    const [passed] = decision.due;
    if (first === undefined || last === undefined || passed === undefined) return undefined;
    const which = `from ${names.of(first)} to ${names.of(last)}`;
    return `${counted(group.length, 'event')}, ${which}, come before ${names.of(passed)}, due at the same time`;
  }

  #of(decision: ObservedDecision): readonly ObservedDecision[] {
    return this.#groupOf.get(decision) ?? [decision];
  }
}

/** The event that the one behind it comes before. */
function passedBy(decision: ObservedDecision | undefined): number | undefined {
  return decision?.answer === 1 ? decision.due[0]?.id : undefined;
}
