/** What a query is about, in a word for labels of timers and decisions. */
import type { Query } from './query.ts';

/** The run id of a query on one run, `3+4` for the first of five, `all` for all runs; empty for a query on nothing. */
export function querySubject({ runs = [], allRuns = false }: Query): string {
  if (allRuns) return 'all';
  const [first] = runs;
  if (first === undefined) return '';
  return runs.length === 1 ? first : `${first}+${runs.length - 1}`;
}
