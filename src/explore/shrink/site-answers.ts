/**
 * A log by site: what is answered at each place that asks, time after time, whichever run or round the question is about. Invariant: what
 * is not in it is answered 0. It keeps its meaning where jobs move from one batch to the next and are asked about otherwise there.
 */
import type { DecisionSource } from '../../kernel/decisions.ts';
import type { KeyedDecision } from '../keyed-log.ts';

/** Answers per site, in the order of asking; plain ones too. */
export type SiteSeries = ReadonlyMap<string, readonly number[]>;

/** The answers of a whole log by site. */
export function seriesBySite(log: readonly KeyedDecision[]): Map<string, number[]> {
  const bySite = new Map<string, number[]>();
  for (const { question, answer } of log) {
    const { site } = question;
    const series = bySite.get(site);
    if (series === undefined) bySite.set(site, [answer]);
    else series.push(answer);
  }
  return bySite;
}

/** Text that distinguishes series; the order of sites and what is answered plainly at their ends do not matter. */
export function textOfSeries(bySite: SiteSeries): string {
  const lines: string[] = [];
  for (const [site, series] of bySite) {
    const length = series.findLastIndex((answer) => answer > 0) + 1;
    if (length > 0) lines.push(`${site} ${series.slice(0, length).join()}`);
  }
  return lines.sort().join('\n');
}

/** Answers from the series by site; what is missing there, or no longer fits into `n`, is 0. */
export function answersOfSites(bySite: SiteSeries): DecisionSource {
  const asked = new Map<string, number>();
  return {
    decide({ site }, n) {
      const at = asked.get(site) ?? 0;
      asked.set(site, at + 1);
      const answer = bySite.get(site)?.[at] ?? 0;
      return answer < n ? answer : 0;
    },
  };
}
