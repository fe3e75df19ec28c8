/** What was taken and not given back in an execution: what leftovers and standstills are about. */
import type { Failure } from '../../simulation/verdict.ts';
import { runIdIn, type TraceEvent } from '../../model/trace-event.ts';
import type { ObservedEvent } from './observed-run.ts';

/** True for failures that are about what somebody holds. */
export function isAboutHolding({ kind, rule }: Failure): boolean {
  return kind === 'leftovers' || kind === 'deadlock' || rule === 'R204' || rule === 'R205';
}

/** The resources of one execution that were held at some time. */
export class HeldResources {
  /** The events in which that was taken which was not given back by the end, in the order of taking. */
  readonly unfreed: readonly ObservedEvent[];
  /** For each event in which something was given back or lost, the one in which that was taken: of several the first that was still held. */
  readonly begins: ReadonlyMap<TraceEvent, TraceEvent>;
  readonly #events: readonly ObservedEvent[];

  constructor(events: readonly ObservedEvent[]) {
    const held = new Map<string, ObservedEvent[]>();
    const begins = new Map<TraceEvent, TraceEvent>();
    for (const observed of events) {
      const { event } = observed;
      if (event.type !== 'acquired' && event.type !== 'freed' && event.type !== 'abandoned') continue;
      const key = [runKeyOf(event), event.owner, event.resource, event.name].join('\n');
      const list = held.get(key) ?? [];
      held.set(key, list);
      if (event.type === 'acquired') list.push(observed);
      else {
        const begin = list.shift();
        if (begin !== undefined) begins.set(event, begin.event);
      }
    }
    const left = new Set([...held.values()].flat());
    this.unfreed = events.filter((observed) => left.has(observed));
    this.begins = begins;
    this.#events = events;
  }

  /**
   * What shows who holds something at the end: what was taken and not given back, and the phase that each such run is still in. The logs of
   * a run say nothing where more than logs is held.
   */
  get holding(): Set<TraceEvent> {
    const unfreed = this.unfreed.map(({ event }) => event);
    const others = unfreed.filter((event) => event.type !== 'acquired' || event.resource !== 'output');
    const runs = new Set(unfreed.map(runKeyOf));
    const phases = new Map<string, TraceEvent>();
    for (const { event } of this.#events) {
      const key = runKeyOf(event);
      if (event.type === 'phase' && runs.has(key)) phases.set(key, event);
    }
    return new Set([...(others.length > 0 ? others : unfreed), ...phases.values()]);
  }
}

/** Runs of different runners are numbered alike. */
function runKeyOf(event: TraceEvent): string {
  return `${event.runner}\n${runIdIn(event)}`;
}
