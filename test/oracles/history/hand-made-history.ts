// Operations for tests, written as rows: who, what, reply, and the events between which it lay.
import type { HistoryOperation } from '../../../src/oracles/history/history.ts';

/** A row; without `to`, the operation is open. */
export type Row<O, R> = readonly [client: string, operation: O, reply: R, from: number, to?: number];

/** The operations of the rows. Times in milliseconds are the numbers of the events. */
export function operationsOf<O, R>(rows: readonly Row<O, R>[]): HistoryOperation<O, R>[] {
  return rows.map(([client, operation, reply, from, to]) => ({
    client,
    operation,
    outcome: to === undefined ? 'open' : 'returned',
    reply: to === undefined ? undefined : reply,
    invokedAt: from,
    respondedAt: to ?? Infinity,
    invokedAtMs: from,
    respondedAtMs: to ?? Infinity,
  }));
}

/** The same operation, about which nothing is known any more. */
export function forgotten<O, R>(operation: HistoryOperation<O, R>): HistoryOperation<O, R> {
  return { ...operation, outcome: 'open', reply: undefined, invokedAt: -1, respondedAt: Infinity };
}
