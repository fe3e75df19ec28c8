/**
 * A point of a search for an order: which operations have been placed, and the state after them. Invariant: immutable. A set of placed
 * operations is kept as "all before `first`, and these beyond", which is short however long the history is.
 */
import type { HistoryOperation } from './history-operation.ts';

/** A placement of some operations. Indices are those of the operations that returned, in the order in which they began. */
export interface Configuration<O, R, S> {
  readonly state: S;
  /** All operations before this index are placed, and it is not. */
  readonly first: number;
  /** Placed operations after `first`, ascending. */
  readonly beyond: readonly number[];
  /** Open operations that took effect, ascending. */
  readonly usedOpen: readonly number[];
  /** What was placed last, and after what. */
  readonly last: HistoryOperation<O, R> | undefined;
  readonly before: Configuration<O, R, S> | undefined;
}

/** How many operations that returned are placed. */
export function placedCount({ first, beyond }: Configuration<never, never, unknown>): number {
  return first + beyond.length;
}

/** The configuration after one more operation that returned. */
export function placeReturned<O, R, S>(
  before: Configuration<O, R, S>,
  index: number,
  last: HistoryOperation<O, R>,
  state: S,
): Configuration<O, R, S> {
  const { usedOpen } = before;
  if (index !== before.first) {
    return { state, first: before.first, beyond: inserted(before.beyond, index), usedOpen, last, before };
  }
  let first = index + 1;
  let skipped = 0;
  while (before.beyond[skipped] === first) {
    first += 1;
    skipped += 1;
  }
  return { state, first, beyond: before.beyond.slice(skipped), usedOpen, last, before };
}

/** The configuration after one more open operation. */
export function placeOpen<O, R, S>(
  before: Configuration<O, R, S>,
  index: number,
  last: HistoryOperation<O, R>,
  state: S,
): Configuration<O, R, S> {
  const { first, beyond, usedOpen } = before;
  return { state, first, beyond, usedOpen: inserted(usedOpen, index), last, before };
}

/** What was placed, in order. */
export function placedOrder<O, R, S>(configuration: Configuration<O, R, S>): HistoryOperation<O, R>[] {
  const order: HistoryOperation<O, R>[] = [];
  let at: Configuration<O, R, S> | undefined = configuration;
  while (at?.last !== undefined) {
    order.push(at.last);
    at = at.before;
  }
  return order.reverse();
}

function inserted(sorted: readonly number[], index: number): number[] {
  const at = sorted.findIndex((other) => other > index);
  return at === -1 ? [...sorted, index] : [...sorted.slice(0, at), index, ...sorted.slice(at)];
}
