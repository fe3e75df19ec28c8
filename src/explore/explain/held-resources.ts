/** Finds resources that were acquired and not given back, which leftovers and standstills are about. */
import type { Failure } from '../../simulation/verdict.ts';
import { runIdIn, type TraceEvent } from '../../model/trace-event.ts';
import type { ObservedEvent } from './observed-run.ts';

/** True for failures about held resources. */
export function isAboutHolding({ kind, rule }: Failure): boolean {
  return kind === 'leftovers' || kind === 'deadlock' || rule === 'R204' || rule === 'R205';
}

/** The resources that an execution held. */
export class HeldResources {
  /** Acquisitions of resources that are still held at the end, in order. */
  readonly unfreed: readonly ObservedEvent[];
  /** By the event that gave back or lost a resource: its acquisition; with equal resources, the first still held. */
  readonly begins: ReadonlyMap<TraceEvent, TraceEvent>;
  readonly #events: readonly ObservedEvent[];
  #holding: ReadonlySet<TraceEvent> | undefined;

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
   * Events that show who holds something at the end: the acquisitions, and the current phase of each such run. The log
   * outputs of runs are left out if anything else is held.
   */
  get holding(): ReadonlySet<TraceEvent> {
    return (this.#holding ??= this.#findHolding());
  }

  #findHolding(): ReadonlySet<TraceEvent> {
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
