/**
 * What ended each wait on a store: a write, its timeout or its cancel. Invariant: a store ends the waits that a write meets right after it has traced the
 * write, so nothing else lies between the two in a trace.
 */
import { waitLimitOf } from '../../store/waiter-lifecycle.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { ObservedRun } from './observed-run.ts';

/** The ends of the waits of one execution. */
export class WaitEnds {
  readonly #texts = new Map<TraceEvent, string>();

  constructor({ events, firings }: ObservedRun) {
    let write: { readonly text: string; readonly runner: string; readonly firingId: number } | undefined;
    for (const { event, firingId } of events) {
      if (!isEndOfWait(event)) {
        const text = writeText(event);
        write = text === undefined ? undefined : { text, runner: event.runner, firingId };
        continue;
      }
      if (write?.runner === event.runner && write.firingId === firingId) {
        this.#texts.set(event, `, as ${write.text}`);
        continue;
      }
      const topic = firings.get(firingId)?.topic;
      const limit = topic && waitLimitOf(topic);
      if (limit !== undefined) this.#texts.set(event, ` by its ${limit}`);
    }
  }

  /** What ended it, to be appended to the words of the event: `, as run 0 became RUNNING`; empty if that is not known. */
  textOf(event: TraceEvent): string {
    return this.#texts.get(event) ?? '';
  }
}

/** True for the end of a wait on a store. The waits of callers for an answer have an owner. */
function isEndOfWait(event: TraceEvent): boolean {
  return event.type === 'freed' && event.resource === 'waiter' && event.owner === undefined;
}

function writeText(event: TraceEvent): string | undefined {
  if (event.type === 'status') return `run ${event.status.runId} became ${event.status.state}`;
  return event.type === 'evicted' ? `run ${event.runId} was forgotten` : undefined;
}
