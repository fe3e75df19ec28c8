/**
 * Counts what the calls on a runner have led to, by kind: a check that passes says little about what never happened.
 * Invariant: it counts what callers can see, and each end of a run once.
 */
import * as is from '../kernel/shape.ts';
import { membersOf } from '../kernel/union-members.ts';
import { check, checkedIterable } from '../kernel/argument-check.ts';

/** Something that calls on a runner can lead to. */
export type ReachKind =
  | 'end COMPLETE 0'
  | 'end COMPLETE with another exit code'
  | 'end FAILED'
  | 'end ABORTED'
  | 'end TIMEDOUT'
  | 'run offered while another is active'
  | 'run refused as full'
  | 'abort of a queued run'
  | 'abort of an active run'
  | 'abort of a run that is over'
  | 'wait met at once'
  | 'wait met later'
  | 'wait timed out'
  | 'wait cancelled'
  | 'wait that cannot be met'
  | 'wait ended by a release'
  | 'release with runs left'
  | 'release without runs left'
  | 'injected fault';

/** All kinds, in the order in which reports list them. See {@link watchAnswers}. */
export const REACH_KINDS: readonly ReachKind[] = membersOf<ReachKind>({
  'end COMPLETE 0': true,
  'end COMPLETE with another exit code': true,
  'end FAILED': true,
  'end ABORTED': true,
  'end TIMEDOUT': true,
  'run offered while another is active': true,
  'run refused as full': true,
  'abort of a queued run': true,
  'abort of an active run': true,
  'abort of a run that is over': true,
  'wait met at once': true,
  'wait met later': true,
  'wait timed out': true,
  'wait cancelled': true,
  'wait that cannot be met': true,
  'wait ended by a release': true,
  'release with runs left': true,
  'release without runs left': true,
  'injected fault': true,
});

/** How often each kind was reached. */
export type ReachCounts = Readonly<Record<ReachKind, number>>;

/** Counts by kind; several can be added up. */
export class ServiceReach {
  readonly #counts = new Map<ReachKind, number>();

  /** Counts one more of a kind. */
  note(kind: ReachKind): void {
    this.#counts.set(kind, this.times(kind) + 1);
  }

  /** How often a kind was reached. */
  times(kind: ReachKind): number {
    return this.#counts.get(kind) ?? 0;
  }

  /** All counts, zeros included. */
  get counts(): ReachCounts {
    return Object.fromEntries(REACH_KINDS.map((kind) => [kind, this.times(kind)])) as ReachCounts;
  }

  /** Adds the counts of another object. */
  add(other: ServiceReach): void {
    check('other', other, REACH);
    for (const [kind, times] of other.#counts) this.#counts.set(kind, this.times(kind) + times);
  }

  /** Those of `wanted` that were never reached, in their order. */
  missed(wanted: Iterable<ReachKind>): ReachKind[] {
    return [...checkedIterable('wanted', wanted)].filter((kind) => this.times(kind) === 0);
  }

  /** One line per kind: the count, then the kind. */
  toString(): string {
    return REACH_KINDS.map((kind) => `${String(this.times(kind)).padStart(7)}  ${kind}`).join('\n');
  }
}

const REACH = is.instanceOf('the counts of another one', ServiceReach);
