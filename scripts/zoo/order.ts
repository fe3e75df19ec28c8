// Other orders of a strategy's first executions, to measure what their order contributes. Invariant: each is a permutation, so that the same
// executions are run, only sooner or later.
import { drawSample } from './sample.ts';

/** Where the portfolio has the plain schedule. */
export const PLAIN_AT = 16;
/** So many of the first executions are shuffled. */
const SHUFFLED = 64;

const indices = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

const ORDERS: Readonly<Record<string, (seed: string) => readonly number[]>> = {
  'plain-first': () => [PLAIN_AT, ...indices(PLAIN_AT)],
  shuffled: (seed) => drawSample(indices(SHUFFLED), SHUFFLED, seed),
};

/** Columns of a table that are no strategies of their own: the portfolio in another order. */
export const REORDERED: readonly string[] = Object.keys(ORDERS).map((order) => `portfolio:${order}`);

/** The strategy of a column, and the order of its first executions if that is another one. */
export function columnPlan(
  column: string,
  seed: string,
): { readonly strategy: string; readonly order?: readonly number[] } {
  const [strategy = '', name = ''] = column.split(':');
  const order = ORDERS[name]?.(seed);
  return order === undefined ? { strategy } : { strategy, order };
}
