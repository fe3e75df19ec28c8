/** Merges equal messages that are lost one after another into one line. */
import { linkName, type MessageEvent } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { ObservedRun } from './observed-run.ts';

/** This many equal losses share a line. */
const LOSSES_MIN = 3;

/**
 * Rows of equal messages lost one after another; the first of a row stands for all. A delivery on the same link ends a
 * row, and so does any change of the network.
 */
export class RepeatedLosses {
  readonly #rowOf = new Map<TraceEvent, readonly MessageEvent[]>();

  constructor(events: ObservedRun['events']) {
    let rows = new Map<string, Map<string, MessageEvent[]>>();
    for (const { event } of events) {
      if (event.type === 'fault' && event.operation === 'network') rows = new Map();
      if (event.type !== 'message') continue;
      const { runner, to, step, kind, name, detail, reason } = event;
      const link = linkName(runner, to);
      if (step === 'delivered') rows.delete(link);
      if (step !== 'lost' || reason === undefined) continue;
      const ofLink = rows.get(link) ?? new Map<string, MessageEvent[]>();
      rows.set(link, ofLink);
      const words = JSON.stringify([kind, name, detail, reason]);
      const row = ofLink.get(words) ?? [];
      ofLink.set(words, row);
      row.push(event);
      this.#rowOf.set(event, row);
    }
  }

  /** True if an earlier message stands for it. */
  isRepeat(event: TraceEvent): boolean {
    const row = this.#rowOf.get(event);
    return row !== undefined && row.length >= LOSSES_MIN && row[0] !== event;
  }

  /** The number of losses and the time of the last; empty for a short row. */
  timesText(event: TraceEvent): string {
    const row = this.#rowOf.get(event) ?? [];
    return row.length < LOSSES_MIN ? '' : `, ${row.length} times until ${row.at(-1)?.at} ms`;
  }
}
