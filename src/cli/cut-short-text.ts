/** What is said where a failure could not be explained as far as it could have been. */
import type { Explanation } from '../explore/explain/explanation.ts';
import type { CutShort } from '../campaign/task.ts';
import { counted, formatCount } from '../model/plural.ts';

/** How many times as long `explain` makes a failure small as it explains it. */
const TIMES_EXPLAINING = 3;
/** How much more time is suggested. */
const TIMES_MORE = 4;
const MINUTE_MS = 60_000;

/** What was cut short in one line, and what helps; none if nothing was. */
export function cutShortLines(
  cutShort: CutShort | undefined,
  firedEvents: number,
  explanation: Explanation | undefined,
): string[] {
  if (cutShort === undefined) return [];
  if (cutShort.by === 'events') {
    const [all, most] = [firedEvents, cutShort.eventsMax].map(formatCount);
    return [
      explanation === undefined
        ? `  not explained: it has ${all} events, and no more than ${most} can be watched`
        : `  explained by its first ${most} events of ${all}`,
    ];
  }
  const { timeMs } = cutShort;
  const more = `dryrunner explain with --time ${Math.ceil((timeMs * TIMES_EXPLAINING * TIMES_MORE) / MINUTE_MS)}m takes more`;
  const time = `${Math.round(timeMs / 100) / 10} s`;
  if (explanation === undefined) return [`  not explained: that took more than its ${time}; ${more}`];
  const { untried } = explanation.nearestSearch;
  return [
    `  explaining it took all of its ${time}, and ${counted(untried, 'decision')} had no other answer tried in full; ${more}`,
  ];
}
