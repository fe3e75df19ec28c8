/** The arguments of calls, for what belongs to one: its answer or error, what becomes of that, and its time limit. */
import type { MessageEvent } from '../../model/message-text.ts';
import type { ObservedRun } from './observed-run.ts';

/** Those of one execution. */
export class CallArguments {
  readonly #byId = new Map<number, string>();

  constructor({ events }: Pick<ObservedRun, 'events'>) {
    for (const { event } of events) {
      if (event.type !== 'message' || event.kind !== 'call' || event.step !== 'sent') continue;
      this.#byId.set(event.id, event.detail ?? '');
    }
  }

  /** As one text; empty for a call without arguments, undefined for what belongs to no call that was seen. */
  of({ id }: Pick<MessageEvent, 'id'>): string | undefined {
    return this.#byId.get(id);
  }
}
