/** Finds what an endless execution does again and again, by watching its beginning once more. */
import type { Decision } from '../../kernel/decisions.ts';
import type { EventInfo } from '../../kernel/event-queue.ts';
import { counted } from '../../model/plural.ts';
import { withinEvents } from '../event-budget.ts';
import type { Executor } from '../executor.ts';
import { keyDecisions } from '../keyed-log.ts';
import { observe } from './observed-run.ts';
import { RunIndex } from './run-index.ts';

/** Number of events to run; those that fire in the second half, after the start-up, are counted. */
const EVENTS_MAX = 400;
const SHOWN_MAX = 3;

/**
 * The events that fire most often, `the timer set in nap (nap.ts:6) fires, 200 times in 2000 ms`, at most three; none
 * if the beginning ends by itself. Once `mustStop` is true, only the events named by then are counted, the last first.
 */
export async function repeatedEvents(
  executor: Executor,
  decisions: readonly Decision[],
  mustStop: () => boolean,
): Promise<string[]> {
  const run = await observe(withinEvents(executor, EVENTS_MAX, true), keyDecisions(decisions), true);
  if (run.verdict.firedEvents < EVENTS_MAX) return [];
  const { names } = new RunIndex(run);
  const later = [...run.firings.values()].slice(-EVENTS_MAX / 2);
  const times = new Map<string, number>();
  let ms = 0;
  for (const event of later.toReversed()) {
    // Naming an event by its stack may take as long as running all of them.
    if (mustStop()) break;
    const name = names.of(event);
    times.set(name, (times.get(name) ?? 0) + 1);
    ms = (later.at(-1) as EventInfo).atMs - event.atMs;
  }
  return [...times]
    .filter(([, count]) => count > 1)
    .sort(([, one], [, other]) => other - one)
    .slice(0, SHOWN_MAX)
    .map(([name, count]) => `${name} fires, ${counted(count, 'time')} in ${Math.round(ms)} ms`);
}
