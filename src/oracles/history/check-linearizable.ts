/**
 * Decides whether a history is linearizable (M. Herlihy and J. Wing, "Linearizability: a correctness condition for concurrent objects",
 * ACM TOPLAS 12(3), 1990): whether each operation can be thought to take effect at one instant between its call and its return, so that
 * a sequential model gives the same replies. Invariant: pure; no answer is given that was not found.
 */
import { checkIterable, checkRecord, checkOptions } from '../../kernel/argument-check.ts';
import { describeValue, invalidArgument } from '../../kernel/errors.ts';
import { contradictionSentence, type Contradiction } from './contradiction.ts';
import { shrinkContradiction } from './contradiction-search.ts';
import type { RecordedOperations, HistoryOperation, OperationOutcome } from './history.ts';
import { searchOrder } from './order-search.ts';
import { checkModel, type SequentialModel } from './sequential-model.ts';

/** How far a check may go. */
export interface LinearizabilityOptions {
  /**
   * So many configurations may be visited, an integer of at least 1, in each part of the history that the model tells apart. Default
   * 200,000.
   */
  readonly maxStates?: number;
}

/** What came of a check. `visited` counts the configurations that were looked at, without those of making a contradiction small. */
export type LinearizabilityResult<O, R> =
  | {
      readonly linearizable: true;
      /** An order that explains all replies, with the open operations that took effect in it. */
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
      /** Why nothing was decided, in a sentence. */
      readonly reason: string;
      readonly visited: number;
    };

const MAX_STATES = 200_000;

const OUTCOMES: readonly OperationOutcome[] = ['returned', 'failed', 'open'];

/**
 * Checks operations against a sequential model. Those that failed are left out; open ones may take effect at any time since they began,
 * or never. Takes exponential time at worst, with the number of operations under way at once and of open ones whose effect differs.
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for operations that end before they begin, a model that is none or whose partition loses
 * operations, or a bound below 1.
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
  checkModel(model);
  checkOptions(options);
  const { maxStates = MAX_STATES } = options;
  if (!Number.isInteger(maxStates) || maxStates < 1) {
    throw invalidArgument('maxStates', 'an integer of at least 1', maxStates);
  }
  const operations = readOperations(history).filter(({ outcome }) => outcome !== 'failed');
  return checkParts(operations, model, maxStates);
}

function readOperations<O, R>(
  history: RecordedOperations<O, R> | readonly HistoryOperation<O, R>[],
): readonly HistoryOperation<O, R>[] {
  checkRecord('history', 'a history or a list of operations', history);
  const operations = 'operations' in history ? history.operations() : history;
  checkIterable('history', operations);
  for (const operation of operations) checkOperation(operation);
  return operations;
}

function checkOperation(operation: HistoryOperation<unknown, unknown>): void {
  checkRecord('operation', 'an operation of a history', operation);
  const { outcome, invokedAt, respondedAt } = operation;
  if (!OUTCOMES.includes(outcome)) {
    throw invalidArgument('operation.outcome', 'returned, failed or open', outcome);
  }
  if (!Number.isFinite(invokedAt)) throw invalidArgument('operation.invokedAt', 'a number', invokedAt);
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
      const contradiction = tell(small.operations, model, operations.length, small.isMinimal);
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

/** What a partition leaves out would pass unseen. */
function partsOf<O, R, S>(
  operations: readonly HistoryOperation<O, R>[],
  model: SequentialModel<O, R, S>,
): readonly (readonly HistoryOperation<O, R>[])[] {
  const parts = model.partition?.(operations) ?? [operations];
  const covered = new Set(parts.flat());
  const count = parts.reduce((sum, part) => sum + part.length, 0);
  if (count !== operations.length || !operations.every((operation) => covered.has(operation))) {
    throw invalidArgument('model.partition()', `each of ${operations.length} operations once`, parts);
  }
  return parts;
}

function tell<O, R, S>(
  operations: readonly HistoryOperation<O, R>[],
  model: SequentialModel<O, R, S>,
  total: number,
  isMinimal: boolean,
): Contradiction<O, R> {
  const told = operations.map((operation) => ({
    client: operation.client,
    call: model.showOperation?.(operation.operation) ?? showValue(operation.operation),
    reply: showReply(operation, model),
    operation,
  }));
  const leftOutCount = total - operations.length;
  return { sentence: contradictionSentence(told), operations: told, leftOutCount, isMinimal };
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
    // Of a function or a symbol there is no JSON.
    const json = JSON.stringify(value) as string | undefined;
    return json ?? describeValue(value);
  } catch {
    // A cycle or a bigint has no JSON either; that is no reason to keep a contradiction back.
    return describeValue(value);
  }
}

/** One order out of the orders of parts that have nothing to do with each other: it keeps to each of them and to real time. */
function mergeOrders<O, R>(orders: readonly (readonly HistoryOperation<O, R>[])[]): HistoryOperation<O, R>[] {
  const placed = orders.flatMap((order) => {
    // Nothing takes effect before it began, nor before what comes earlier in its part: the earliest moment for each is also
    // before its return, so a common order of these moments is one of the operations.
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
