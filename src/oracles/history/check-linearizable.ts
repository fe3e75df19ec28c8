/**
 * Decides whether a history is linearizable (M. Herlihy and J. Wing, "Linearizability: a correctness condition for
 * concurrent objects", ACM TOPLAS 12(3), 1990): whether each operation can be thought to take effect at one instant
 * between its call and its return, so that a sequential model gives the same replies. Invariants: pure; an answer is
 * given only if the search has found it.
 */
import * as is from '../../kernel/shape.ts';
import { byInvocation, type HistoryOperation, isBefore, type RecordedOperations } from './history.ts';
import { searchOrder } from './order-search.ts';
import { MODEL, type SequentialModel } from './sequential-model.ts';
import { check, isArray } from '../../kernel/argument-check.ts';
import { describeValue, invalidArgument } from '../../kernel/errors.ts';
import { onOneLine } from '../../kernel/one-line.ts';
import { contradictionSentence, type ContradictingOperation, type Contradiction } from './contradiction.ts';

/** The operations needed for a contradiction, in the order of their invocations, as of the moment of the last reply. */
export interface SmallContradiction<O, R> {
  readonly operations: readonly HistoryOperation<O, R>[];
  /** False if the search for a smaller one reached a bound. */
  readonly isMinimal: boolean;
}

/** Bounds in steps of the model, some seconds in all. A trial that reaches its bound counts as no contradiction. */
const STEPS_PER_TRIAL = 50_000;
const STEPS_IN_ALL = 400_000;

/**
 * Shrinks a contradiction. First the history is cut after the first reply that made it one. Then only the latest
 * operations are kept and all others are freed, keeping as many as a contradiction takes; then these are freed too, in
 * ever smaller chunks (A. Zeller and R. Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE TSE
 * 28(2), 2002). Invariant: each of these steps only removes knowledge, so a contradiction that remains was one before;
 * and because freeing more operations never creates one, a single pass of chunks of one operation leaves only what is
 * needed.
 */
function shrinkContradiction<O, R, S>(
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

  /** Finds the first reply from which on the history is a contradiction, by bisection. */
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

  /** The fewest latest operations that contradict each other, rounded up to a power of two. */
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

/** The number of the last event known of an operation. */
function lateness({ invokedAt, respondedAt, outcome }: HistoryOperation<unknown, unknown>): number {
  return outcome === 'open' ? invokedAt : respondedAt;
}

function withOthersFree<O, R>(
  operations: readonly HistoryOperation<O, R>[],
  kept: readonly HistoryOperation<O, R>[],
): HistoryOperation<O, R>[] {
  const isKept = new Set(kept);
  return operations.map((operation) => (isKept.has(operation) ? operation : freed(operation)));
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

/** Frees an operation: it may have happened at any time, with any reply, or never. */
function freed<O, R>(operation: HistoryOperation<O, R>): HistoryOperation<O, R> {
  return { ...opened(operation), invokedAt: -Infinity };
}

/** The bounds of a check. */
export interface LinearizabilityOptions {
  /**
   * How many configurations may be visited in each part of the history that the model separates; an integer of at least
   * 1. Default 200,000.
   */
  readonly maxStates?: number;
}

/**
 * The result of a check. `visited` counts the configurations visited by the check, not those visited while shrinking a
 * contradiction.
 */
export type LinearizabilityResult<O, R> =
  | {
      readonly linearizable: true;
      /** An order that explains all replies, including the open operations that took effect in it. */
      readonly order: readonly HistoryOperation<O, R>[];
      readonly visited: number;
    }
  | {
      readonly linearizable: false;
      readonly contradiction: Contradiction<O, R>;
      readonly visited: number;
    }
  | {
      readonly linearizable: undefined;
      /** Why the check could not decide, in a sentence. */
      readonly reason: string;
      readonly visited: number;
    };

const MAX_STATES = 200_000;

/**
 * Checks operations against a sequential model. Failed operations are left out; open ones may take effect at any time
 * after their invocation, or never. The worst case is exponential in the number of concurrent operations and of open
 * ones with different effects.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for operations that end before they begin, an invalid model, one whose
 * partition loses operations, or a bound below 1.
 * @example
 * ```ts
 * import { checkLinearizable, createFakeRunner, createHistory, simulate, statusStoreModel, watchHistory } from 'dryrunner';
 * import type { ServiceCall, ServiceReply } from 'dryrunner';
 * const verdict = await simulate({
 *   scenario: async (sim) => {
 *     const runner = createFakeRunner(sim.world, { script: () => ({ runMs: 5 }), history: 0 });
 *     const history = createHistory<ServiceCall, ServiceReply>(sim.world.clock);
 *     const [a, b] = [watchHistory(runner, history, 'a'), watchHistory(runner, history, 'b')];
 *     const { runId } = await a.run({ argv: ['build'] });
 *     await Promise.all([a.abort(runId), b.status(runId), b.statusAll()]);
 *     const result = checkLinearizable(history, statusStoreModel());
 *     sim.check(result.linearizable === true, 'all saw the same run');
 *     await runner.release();
 *   },
 * });
 * if (!verdict.held) throw new Error(verdict.failure?.message);
 * ```
 */
export function checkLinearizable<O, R, S>(
  history: RecordedOperations<O, R> | readonly HistoryOperation<O, R>[],
  model: SequentialModel<O, R, S>,
  options: LinearizabilityOptions = {},
): LinearizabilityResult<O, R> {
  check('model', model, MODEL);
  check('options', options, LINEARIZABILITY_OPTIONS);
  const operations = readOperations(history).filter(({ outcome }) => outcome !== 'failed');
  return checkParts(operations, model, options.maxStates ?? MAX_STATES);
}

const LINEARIZABILITY_OPTIONS = is.optionsOf<LinearizabilityOptions>({}, { maxStates: is.integer(1) });
const HISTORY = is.anyOf('a history or a list of operations', is.LIST, is.withMethods('operations'));
const PARTS = is.listOf(is.LIST, 'a list of lists of operations');
const OPERATION = is.objectOf<
  Pick<HistoryOperation<unknown, unknown>, 'outcome' | 'invokedAt' | 'respondedAt'>
>(
  'an operation of a history',
  { outcome: is.oneOf('returned', 'failed', 'open'), invokedAt: is.NUMBER, respondedAt: is.limit(-Infinity) },
  {},
);

function readOperations<O, R>(
  history: RecordedOperations<O, R> | readonly HistoryOperation<O, R>[],
): readonly HistoryOperation<O, R>[] {
  check('history', history, HISTORY);
  const operations = isArray(history) ? history : history.operations();
  check('history.operations()', operations, is.LIST);
  for (const operation of operations) checkOperation(operation);
  return operations;
}

function checkOperation(operation: HistoryOperation<unknown, unknown>): void {
  check('operation', operation, OPERATION);
  const { outcome, invokedAt, respondedAt } = operation;
  if (outcome === 'open') {
    if (respondedAt === Infinity) return;
    throw invalidArgument('operation.respondedAt', 'Infinity, as it is open', respondedAt);
  }
  if (!(Number.isFinite(respondedAt) && respondedAt > invokedAt)) {
    throw invalidArgument('operation.respondedAt', `a number above ${invokedAt}`, respondedAt);
  }
}

function checkParts<O, R, S>(
  operations: readonly HistoryOperation<O, R>[],
  model: SequentialModel<O, R, S>,
  maxStates: number,
): LinearizabilityResult<O, R> {
  const orders: (readonly HistoryOperation<O, R>[])[] = [];
  let visited = 0;
  let undecided: readonly HistoryOperation<O, R>[] | undefined;
  for (const part of partsOf(operations, model)) {
    const outcome = searchOrder(part, model, { maxStates });
    visited += outcome.visited;
    if (outcome.kind === 'found') orders.push(outcome.order);
    else if (outcome.kind === 'undecided') undecided = part;
    else {
      const small = shrinkContradiction(part, model);
      const contradiction = describeContradiction(
        small.operations,
        model,
        operations.length,
        small.isMinimal,
      );
      return { linearizable: false, contradiction, visited };
    }
  }
  if (undecided === undefined) return { linearizable: true, order: mergeOrders(orders), visited };
  const reason = `${visited} configurations of ${undecided.length} operations did not decide it; ${advice(visited, maxStates)}`;
  return { linearizable: undefined, reason, visited };
}

function advice(visited: number, maxStates: number): string {
  return visited < maxStates
    ? 'one call has too many outcomes, because too many replies were lost'
    : 'raise maxStates';
}

/** Checks that a partition has every operation: one that it left out would not be checked at all. */
function partsOf<O, R, S>(
  operations: readonly HistoryOperation<O, R>[],
  model: SequentialModel<O, R, S>,
): readonly (readonly HistoryOperation<O, R>[])[] {
  const parts = model.partition?.(operations) ?? [operations];
  check('model.partition()', parts, PARTS);
  const covered = new Set(parts.flat());
  const count = parts.reduce((sum, part) => sum + part.length, 0);
  if (count !== operations.length || !operations.every((operation) => covered.has(operation))) {
    throw invalidArgument('model.partition()', `each of ${operations.length} operations once`, parts);
  }
  return parts;
}

function describeContradiction<O, R, S>(
  operations: readonly HistoryOperation<O, R>[],
  model: SequentialModel<O, R, S>,
  total: number,
  isMinimal: boolean,
): Contradiction<O, R> {
  const entries = operations.map((operation) => ({
    client: onOneLine(operation.client),
    call: onOneLine(model.showOperation?.(operation.operation) ?? showValue(operation.operation)),
    reply: onOneLine(showReply(operation, model)),
    operation,
  }));
  const leftOutCount = total - operations.length;
  return {
    sentence: contradictionSentence(entries),
    operations: entries,
    orders: new RefutedOrders(entries, model).texts().map(onOneLine),
    leftOutCount,
    isMinimal,
  };
}

/** More would overwhelm a reader. */
const ORDERS_MAX = 4;
const STATE_TEXT_MAX = 80;

/**
 * The orders of a contradiction's operations that are consistent with real time, each up to the reply that the model
 * does not give.
 */
class RefutedOrders<O, R, S> {
  readonly #entries: readonly ContradictingOperation<O, R>[];
  readonly #model: SequentialModel<O, R, S>;
  readonly #texts = new Set<string>();

  constructor(entries: readonly ContradictingOperation<O, R>[], model: SequentialModel<O, R, S>) {
    this.#entries = entries;
    this.#model = model;
  }

  texts(): string[] {
    if (this.#model.replies !== undefined) this.#extend([], this.#model.initial);
    return [...this.#texts];
  }

  #extend(path: readonly ContradictingOperation<O, R>[], state: S): void {
    const left = this.#entries.filter((entry) => !path.includes(entry));
    for (const next of left) {
      if (this.#texts.size >= ORDERS_MAX) return;
      const { outcome, operation, reply } = next.operation;
      if (left.some((other) => other !== next && isBefore(other.operation, next.operation))) continue;
      const after = this.#model.step(state, operation, outcome === 'open' ? undefined : reply) ?? [];
      if (after.length === 0) this.#texts.add(this.#refutation(path, state, next));
      else for (const one of after) this.#extend([...path, next], one);
    }
  }

  #refutation(
    path: readonly ContradictingOperation<O, R>[],
    from: S,
    next: ContradictingOperation<O, R>,
  ): string {
    const { operation } = next.operation;
    const expected = (this.#model.replies?.(from, operation) ?? []).map(
      (reply) => this.#model.showReply?.(reply, operation) ?? showValue(reply),
    );
    const done = path.map(
      ({ call, client, reply }) => `${call} by ${client}${reply === '' ? '' : ` → ${reply}`}`,
    );
    const state = this.#stateText(from);
    const before = done.length === 0 ? 'at first' : `after ${done.join(', then ')}`;
    const where = state === '' ? `${before}, ` : `${before} the state is ${state}; `;
    const replies = expected.map((reply) => (reply === '' ? 'nothing' : reply)).join(' or ');
    return `${where}${next.call} by ${next.client}: expected ${replies}, got ${next.reply === '' ? 'nothing' : next.reply}`;
  }

  #stateText(state: S): string {
    const text = this.#model.showState?.(state) ?? '';
    return text.length > STATE_TEXT_MAX ? `${text.slice(0, STATE_TEXT_MAX)}…` : text;
  }
}

function showReply<O, R, S>(
  { outcome, reply, operation }: HistoryOperation<O, R>,
  model: SequentialModel<O, R, S>,
): string {
  if (outcome === 'open') return '?';
  if (model.showReply !== undefined) return model.showReply(reply, operation);
  return reply === undefined ? '' : showValue(reply);
}

function showValue(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    // A function or a symbol has no JSON.
    const json = JSON.stringify(value) as string | undefined;
    return json ?? describeValue(value);
  } catch {
    // A cycle or a bigint has no JSON either, which must not suppress the contradiction.
    return describeValue(value);
  }
}

/** Merges the orders of independent parts into one that agrees with each of them and with real time. */
function mergeOrders<O, R>(orders: readonly (readonly HistoryOperation<O, R>[])[]): HistoryOperation<O, R>[] {
  const placed = orders.flatMap((order) => {
    // The earliest moment at which an operation can take effect: not before its own invocation, nor before the
    // operations ahead of it in its part. It is also before its return, so sorting by these moments gives a valid order
    // of all operations.
    let moment = -Infinity;
    return order.map((operation) => {
      moment = Math.max(moment, operation.invokedAt);
      return { operation, moment };
    });
  });
  return placed
    .toSorted((a, b) => (a.moment === b.moment ? 0 : a.moment - b.moment))
    .map(({ operation }) => operation);
}
