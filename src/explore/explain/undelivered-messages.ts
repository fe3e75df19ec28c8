/** Messages that did not arrive because of a partition, a hold, or a receiver that is down or paused. */
import type { MessageEvent } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { ObservedRun } from './observed-run.ts';

/** Maximum number of undelivered messages ranked right after decisions and what a crash struck. */
const UNDELIVERED_MAX = 4;

/** The last undelivered messages; for equal ones on one link with the same reason, the first. */
export function undeliveredIn(events: ObservedRun['events']): ReadonlySet<TraceEvent> {
  const arrived = new Set<string>();
  const firsts = new Map<string, MessageEvent>();
  for (const { event } of [...events].reverse()) {
    if (event.type !== 'message') continue;
    const { runner, to, kind, name, step, reason, id } = event;
    const message = JSON.stringify([id, kind]);
    if (step === 'delivered') arrived.add(message);
    // A message counts as delivered if one of two copies arrived.
    if (!isStopped(event) || arrived.has(message)) continue;
    const key = JSON.stringify([runner, to, kind, name, step, reason]);
    firsts.delete(key);
    firsts.set(key, event);
  }
  return new Set([...firsts.values()].slice(0, UNDELIVERED_MAX));
}

function isStopped({ step, reason }: MessageEvent): boolean {
  return reason !== undefined && (step === 'lost' || step === 'refused' || step === 'held');
}
