/**
 * A log by site: the answers at each place in the code that asks, in order, whichever run or round a question is about.
 * Invariant: a missing answer is 0. Such a log keeps its meaning when jobs move from one batch to the next and are
 * asked about differently there.
 */
import type { DecisionSource } from '../../kernel/decisions.ts';
import type { KeyedDecision } from '../keyed-log.ts';

/** Answers per site, in the order of asking; defaults included. */
export type SiteSeries = ReadonlyMap<string, readonly number[]>;

/** The answers of a complete log by site. */
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

/**
 * A text that is equal for equal series; the order of sites and default answers at the end of a series do not matter.
 */
export function textOfSeries(bySite: SiteSeries): string {
  const lines: string[] = [];
  for (const [site, series] of bySite) {
    const length = series.findLastIndex((answer) => answer > 0) + 1;
    if (length > 0) lines.push(`${site} ${series.slice(0, length).join()}`);
  }
  return lines.sort().join('\n');
}

/** Answers from the series by site; 0 if the answer is missing or not below `n`. */
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
