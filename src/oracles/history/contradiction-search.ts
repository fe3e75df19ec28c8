/**
 * Makes a contradiction small. First the history is cut after the first reply that made it one. Of what is left only the latest are
 * kept and all others set free, as many as it takes for a contradiction; then of these too, in ever smaller chunks (A. Zeller and R.
 * Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE TSE 28(2), 2002). Invariant: all of this only takes knowledge
 * away, so that what is a contradiction afterwards was one before; and because setting free more never makes one, a single pass of
 * chunks of one leaves only what is needed.
 */
import { byInvocation, type HistoryOperation } from './history.ts';
import { searchOrder } from './order-search.ts';
import type { SequentialModel } from './sequential-model.ts';

/** The operations that are needed, in the order in which they began, as they stood when the last reply came. */
export interface SmallContradiction<O, R> {
  readonly operations: readonly HistoryOperation<O, R>[];
  /** False if a bound was hit on the way. */
  readonly isMinimal: boolean;
}

/** Bounds in steps of the model, seconds together. A trial that comes to its bound counts as no contradiction. */
const STEPS_PER_TRIAL = 50_000;
const STEPS_IN_ALL = 400_000;

/** Shrinks operations that have no order. */
export function shrinkContradiction<O, R, S>(
  operations: readonly HistoryOperation<O, R>[],
  model: SequentialModel<O, R, S>,
): SmallContradiction<O, R> {
  return new ContradictionSearch(model).shrink(operations);
}

class ContradictionSearch<O, R, S> {
  readonly #model: SequentialModel<O, R, S>;
  #stepsLeft = STEPS_IN_ALL;
  #isBounded = false;

  constructor(model: SequentialModel<O, R, S>) {
    this.#model = model;
  }

  shrink(operations: readonly HistoryOperation<O, R>[]): SmallContradiction<O, R> {
    const cut = this.#cut(operations.toSorted(byInvocation));
    return { operations: this.#needed(cut), isMinimal: !this.#isBounded };
  }

  #isContradiction(operations: readonly HistoryOperation<O, R>[]): boolean {
    const maxSteps = Math.min(STEPS_PER_TRIAL, this.#stepsLeft);
    const outcome = searchOrder(operations, this.#model, { maxStates: Infinity, maxSteps });
    this.#stepsLeft -= outcome.steps;
    if (outcome.kind === 'undecided') this.#isBounded = true;
    return outcome.kind === 'impossible';
  }

  /** A history is a contradiction from one of its replies on: found by bisection. */
  #cut(operations: readonly HistoryOperation<O, R>[]): HistoryOperation<O, R>[] {
    const replies = operations
      .filter(({ outcome }) => outcome === 'returned')
      .map(({ respondedAt }) => respondedAt)
      .sort((a, b) => a - b);
    let low = 0;
    let high = replies.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#isContradiction(cutAfter(operations, replies[middle]))) high = middle;
      else low = middle + 1;
    }
    return cutAfter(operations, replies[high]);
  }

  #needed(operations: readonly HistoryOperation<O, R>[]): HistoryOperation<O, R>[] {
    let kept = this.#latest(operations);
    for (let size = kept.length >> 1; size >= 1; size >>= 1) {
      for (let start = 0; start < kept.length;) {
        const rest = kept.toSpliced(start, size);
        if (this.#isContradiction(withOthersFree(operations, rest))) kept = rest;
        else start += size;
      }
    }
    return kept;
  }

  /** As few of the latest operations as it takes, but for doubling. */
  #latest(operations: readonly HistoryOperation<O, R>[]): HistoryOperation<O, R>[] {
    for (let count = 1; count < operations.length; count *= 2) {
      const kept = operations
        .toSorted((a, b) => lateness(a) - lateness(b))
        .slice(-count)
        .sort(byInvocation);
      if (this.#isContradiction(withOthersFree(operations, kept))) return kept;
    }
    return [...operations];
  }
}

/** When it was last heard of. */
function lateness({ invokedAt, respondedAt, outcome }: HistoryOperation<unknown, unknown>): number {
  return outcome === 'open' ? invokedAt : respondedAt;
}

function withOthersFree<O, R>(
  operations: readonly HistoryOperation<O, R>[],
  kept: readonly HistoryOperation<O, R>[],
): HistoryOperation<O, R>[] {
  const isKept = new Set(kept);
  return operations.map((operation) => (isKept.has(operation) ? operation : setFree(operation)));
}

/** What was known right after that event. */
function cutAfter<O, R>(
  operations: readonly HistoryOperation<O, R>[],
  event = Infinity,
): HistoryOperation<O, R>[] {
  return operations
    .filter(({ invokedAt }) => invokedAt <= event)
    .map((operation) => (operation.respondedAt <= event ? operation : opened(operation)));
}

function opened<O, R>(operation: HistoryOperation<O, R>): HistoryOperation<O, R> {
  return { ...operation, outcome: 'open', reply: undefined, respondedAt: Infinity, respondedAtMs: Infinity };
}

/** It may have happened at any time, with any reply, or never. */
function setFree<O, R>(operation: HistoryOperation<O, R>): HistoryOperation<O, R> {
  return { ...opened(operation), invokedAt: -Infinity };
}
