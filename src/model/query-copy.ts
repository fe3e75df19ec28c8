/** A query as it was at the call: what the caller does with the list of ids afterwards changes nothing. */
import type { Query } from './query.ts';

/** A copy, for whoever still needs the query after the synchronous call. */
export function copyQuery(query: Query): Query {
  const { runs } = query;
  return runs === undefined ? { ...query } : { ...query, runs: runs.slice() };
}
