/**
 * One order out of the orders of parts that have nothing to do with each other. Invariant: it keeps to the order of each part and to
 * the real-time order of all operations.
 */
import type { HistoryOperation } from './history-operation.ts';

/** Merges the orders of the parts. */
export function mergeOrders<O, R>(
  orders: readonly (readonly HistoryOperation<O, R>[])[],
): HistoryOperation<O, R>[] {
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
