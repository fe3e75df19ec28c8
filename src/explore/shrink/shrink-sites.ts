/**
 * A pass that lets things happen in another order or one time earlier: a job moves to the batch before, and all answers about it with
 * it. No change of single answers does that, because in another batch the questions about the job are other ones.
 */
import { seriesBySite, type SiteSeries } from './site-answers.ts';
import type { ShrinkPass, ShrinkState } from './shrink-pass.ts';

/** With more answers than this, each move would take too many with it. */
const ANSWERS_MAX = 16;
/** How far back an answer is moved, and where in a series one is cut out. */
const PLACES_MAX = 12;

/** At each site with an answer that is not plain: one time cut out, or an answer moved to an earlier time. */
export const shiftSites: ShrinkPass = function* (state) {
  if (state.answers.length > ANSWERS_MAX) return;
  for (let at = 0; at < PLACES_MAX; at += 1) {
    for (const sites of groupsOf([...answeredSites(state).keys()])) {
      yield changed(state, sites, (series) => series.toSpliced(at, 1));
    }
  }
  for (const site of answeredSites(state).keys()) {
    for (let from = 1; from < PLACES_MAX; from += 1) {
      for (let to = 0; to < from; to += 1) {
        if (!((seriesBySite(state.log).get(site)?.[from] ?? 0) > 0)) break;
        yield changed(state, [site], (series) => moved(series, from, to));
        yield changed(state, [site], (series) => swapped(series, from, to));
      }
    }
  }
};

function answeredSites({ log }: ShrinkState): SiteSeries {
  return new Map([...seriesBySite(log)].filter(([, series]) => series.some((answer) => answer > 0)));
}

/** All together, each alone, each two. */
function groupsOf(sites: readonly string[]): (readonly string[])[] {
  const pairs = sites.flatMap((one, at) => sites.slice(at + 1).map((other) => [one, other]));
  return [sites, ...sites.map((site) => [site]), ...pairs];
}

function changed(
  { log }: ShrinkState,
  sites: readonly string[],
  change: (series: readonly number[]) => readonly number[],
): SiteSeries {
  const bySite: Map<string, readonly number[]> = seriesBySite(log);
  for (const site of sites) bySite.set(site, change(bySite.get(site) ?? []));
  return bySite;
}

/** What stood between moves up by one. */
function moved(series: readonly number[], from: number, to: number): readonly number[] {
  return series.toSpliced(from, 1).toSpliced(to, 0, series[from] as number);
}

function swapped(series: readonly number[], from: number, to: number): readonly number[] {
  return series.with(from, series[to] as number).with(to, series[from] as number);
}
