/** What was taken and not given back in an execution: what leftovers and standstills are about. */
import type { Failure } from '../../simulation/verdict.ts';
import { runIdOf } from './failure-subjects.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { ObservedEvent } from './observed-run.ts';

/** True for failures that are about what somebody holds. */
export function isAboutHolding({ kind, rule }: Failure): boolean {
  return kind === 'leftovers' || kind === 'deadlock' || rule === 'R204' || rule === 'R205';
}

/**
 * What shows who holds something at the end: what was taken and not given back, and the phase that each such run is still in. The logs of
 * a run say nothing where more than logs is held.
 */
export function holdingIn(events: readonly ObservedEvent[]): Set<TraceEvent> {
  const unfreed = unfreedIn(events).map(({ event }) => event);
  const others = unfreed.filter((event) => event.type !== 'acquired' || event.resource !== 'output');
  const runs = new Set(unfreed.map(runKeyOf));
  const phases = new Map<string, TraceEvent>();
  for (const { event } of events) {
    const key = runKeyOf(event);
    if (event.type === 'phase' && runs.has(key)) phases.set(key, event);
  }
  return new Set([...(others.length > 0 ? others : unfreed), ...phases.values()]);
}

/** The events in which that was taken which was not given back by the end, in the order of taking. */
export function unfreedIn(events: readonly ObservedEvent[]): ObservedEvent[] {
  const held = new Map<string, ObservedEvent[]>();
  for (const observed of events) {
    const { event } = observed;
    if (event.type !== 'acquired' && event.type !== 'freed' && event.type !== 'abandoned') continue;
    const key = [runKeyOf(event), event.owner, event.resource, event.name].join('\n');
    const list = held.get(key) ?? [];
    if (event.type === 'acquired') list.push(observed);
    else list.shift();
    held.set(key, list);
  }
  const left = new Set([...held.values()].flat());
  return events.filter((observed) => left.has(observed));
}

/** Runs of different runners are numbered alike. */
function runKeyOf(event: TraceEvent): string {
  return `${event.runner}\n${runIdOf(event)}`;
}
