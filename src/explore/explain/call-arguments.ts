/** Arguments of calls, for texts about what belongs to a call: its reply or error, their fate, and its timeout. */
import type { MessageEvent } from '../../model/message-text.ts';
import type { ObservedRun } from './observed-run.ts';

/** Looks up the arguments of an execution's calls. */
export class CallArguments {
  readonly #byId = new Map<number, string>();

  constructor({ events }: Pick<ObservedRun, 'events'>) {
    for (const { event } of events) {
      if (event.type !== 'message' || event.kind !== 'call' || event.step !== 'sent') continue;
      this.#byId.set(event.id, event.detail ?? '');
    }
  }

  /** The arguments as one text; empty if there are none, undefined for a message of no known call. */
  of({ id }: Pick<MessageEvent, 'id'>): string | undefined {
    return this.#byId.get(id);
  }
}
