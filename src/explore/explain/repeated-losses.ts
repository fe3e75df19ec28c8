/** Messages that are lost one after another, in the same words: one line for all of them. */
import { linkName, type MessageEvent } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { ObservedRun } from './observed-run.ts';

/** So many losses in the same words are one line. */
const LOSSES_MIN = 3;

/**
 * Messages in the same words that are lost one after another while the network stays as it is: the first stands for all. Whatever comes through on
 * their link ends the row, and so does whatever happens to the network.
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

  /** True if an earlier one stands for it. */
  isRepeat(event: TraceEvent): boolean {
    const row = this.#rowOf.get(event);
    return row !== undefined && row.length >= LOSSES_MIN && row[0] !== event;
  }

  /** How often it is lost and until when; empty if that is not said. */
  timesText(event: TraceEvent): string {
    const row = this.#rowOf.get(event) ?? [];
    return row.length < LOSSES_MIN ? '' : `, ${row.length} times until ${row.at(-1)?.at} ms`;
  }
}
