/**
 * Groups decisions that let several events, one after another, go before the same due event: each takes a decision, and
 * they are reported as one. Invariant: only consecutive decisions that pass over the same event are grouped, so the
 * report of a group says everything that it decides.
 */
import { counted } from '../../model/plural.ts';
import type { EventNames } from './event-name.ts';
import type { ObservedDecision } from './observed-run.ts';

/** Groups of decisions; the last one of a group is reported for all. */
export class PassedOver {
  readonly #groupOf = new Map<ObservedDecision, readonly ObservedDecision[]>();

  /** `decisions` are the decisions to report, in the order of asking. */
  constructor(decisions: readonly ObservedDecision[]) {
    let group: ObservedDecision[] = [];
    for (const decision of decisions) {
      const passed = passedBy(decision);
      if (passed === undefined || passed !== passedBy(group[0])) group = [];
      group.push(decision);
      this.#groupOf.set(decision, group);
    }
  }

  /** Events picked by grouped decisions. */
  get eventIds(): number[] {
    return [...this.#groupOf].flatMap(([{ due, answer }, { length }]) => {
      const id = due[answer]?.id;
      return length === 1 || id === undefined ? [] : [id];
    });
  }

  /** False for a decision that is reported with a later one. */
  isShown(decision: ObservedDecision): boolean {
    return this.groupOf(decision).at(-1) === decision;
  }

  /** The decisions that are reported with this one, itself included, in order. */
  groupOf(decision: ObservedDecision): readonly ObservedDecision[] {
    return this.#groupOf.get(decision) ?? [decision];
  }

  /** Number of decisions reported with this one, including itself. */
  countOf(decision: ObservedDecision): number {
    return this.groupOf(decision).length;
  }

  /** The decisions of a group in words; undefined for a decision without a group. */
  textOf(decision: ObservedDecision, names: EventNames): string | undefined {
    const group = this.groupOf(decision);
    if (group.length === 1) return undefined;
    const [first, last] = [group[0], decision].map((one) => one?.due[1]);
    const [passed] = decision.due;
    if (first === undefined || last === undefined || passed === undefined) return undefined;
    const which = `from ${names.of(first)} to ${names.of(last)}`;
    return `${counted(group.length, 'event')}, ${which}, come before ${names.of(passed)}, due at the same time`;
  }
}

/** The due event that was passed over by the one right after it. */
function passedBy(decision: ObservedDecision | undefined): number | undefined {
  return decision?.answer === 1 ? decision.due[0]?.id : undefined;
}
