// Decides linearizability by the definition alone: some choice of the open operations, some order of them all, some states. It knows
// no cache, no partition and no frontier, and takes factorial time.
import { isBefore, type HistoryOperation } from '../../../src/oracles/history/history.ts';
import type { SequentialModel } from '../../../src/oracles/history/sequential-model.ts';

/** True if some order explains the operations. */
export function isLinearizableByForce<O, R, S>(
  operations: readonly HistoryOperation<O, R>[],
  model: SequentialModel<O, R, S>,
): boolean {
  const open = operations.filter(({ outcome }) => outcome === 'open');
  const returned = operations.filter(({ outcome }) => outcome === 'returned');
  return subsets(open).some((used) =>
    permutations([...returned, ...used]).some((order) => keepsTime(order) && explains(order, model)),
  );
}

/** True if no operation stands before one that had returned when it began. */
export function keepsTime(order: readonly HistoryOperation<unknown, unknown>[]): boolean {
  return order.every((later, index) => !order.slice(0, index).some((earlier) => isBefore(later, earlier)));
}

/** True if the model can give these replies in this order. */
export function explains<O, R, S>(
  order: readonly HistoryOperation<O, R>[],
  model: SequentialModel<O, R, S>,
): boolean {
  let states: readonly S[] = [model.initial];
  for (const { operation, reply } of order) {
    states = states.flatMap((state) => model.step(state, operation, reply) ?? []);
  }
  return states.length > 0;
}

function subsets<T>(items: readonly T[]): T[][] {
  return items.reduce<T[][]>((all, item) => [...all, ...all.map((set) => [...set, item])], [[]]);
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, index) =>
    permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
  );
}
