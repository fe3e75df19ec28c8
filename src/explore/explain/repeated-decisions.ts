/**
 * The decisions of work that an endless execution repeats: other answers to them explain nothing, and there are more of
 * them than can be tried. Invariant: none has another answer than the default, and each question was asked before.
 */
import { NEARBY_EXECUTIONS_MAX } from './nearest-pass.ts';
import type { ObservedDecision, ObservedRun } from './observed-run.ts';

/** The first decisions about each question may still end the work. */
const FIRST_MAX = 4;

/** None, unless the execution is endless and has more decisions than can be tried. */
export function repeatedDecisions(
  run: Pick<ObservedRun, 'verdict' | 'decisions' | 'firings'>,
): ReadonlySet<ObservedDecision> {
  const repeated = new Set<ObservedDecision>();
  const { kind } = run.verdict.failure ?? {};
  if ((kind !== 'stall' && kind !== 'budget') || run.decisions.length <= NEARBY_EXECUTIONS_MAX) {
    return repeated;
  }
  const repeating = repeatingEvents(run);
  const asked = new Map<string, number>();
  for (const decision of run.decisions) {
    if (decision.answer > 0 || !repeating.has(decision.firingId)) continue;
    const { site } = decision.question;
    const times = (asked.get(site) ?? 0) + 1;
    asked.set(site, times);
    if (times > FIRST_MAX) repeated.add(decision);
  }
  return repeated;
}

/** The last events, back to the first that is of no sort that fires in the second half. */
function repeatingEvents({ firings }: Pick<ObservedRun, 'firings'>): ReadonlySet<number> {
  const sites = new Set<string>();
  const repeating = new Set<number>();
  for (const [place, { id, topic }] of [...firings.values()].reverse().entries()) {
    if (place < firings.size / 2) sites.add(topic.site);
    else if (!sites.has(topic.site)) break;
    repeating.add(id);
  }
  return repeating;
}
