/** Messages by the events of the clock that bring them, and by the questions that are asked about them as they are sent. */
import type { Topic } from '../../kernel/question.ts';
import { diskCallText, isDiskCallTopic } from '../../model/disk.ts';
import {
  arrivalText,
  linkName,
  messageText,
  type MessageEvent,
  stepName,
  timeLimitText,
} from '../../model/message-text.ts';
import type { CallArguments } from './call-arguments.ts';
import type { ObservedDecision, ObservedRun } from './observed-run.ts';

/** The event of the clock by which a message arrives, or a call of a disk ends, in words; undefined for all others. */
export class Arrivals {
  readonly #arrivals = new Map<number, MessageEvent>();
  /** The new names that the events of the clock have given to files. */
  readonly #renames = new Map<number, string>();
  /** What is called how on which link, for events that do not come to fire. */
  readonly #named = new Map<string, Map<string, string>>();
  /** The calls that an event of the clock has made. */
  readonly #calls = new Map<number, MessageEvent[]>();
  readonly #firings: ObservedRun['firings'];
  readonly #args: CallArguments;

  constructor({ events, firings }: Pick<ObservedRun, 'events' | 'firings'>, args: CallArguments) {
    this.#firings = firings;
    this.#args = args;
    const sent = new Set<string>();
    let current = 0;
    for (const { event, firingId } of events) {
      if (firingId !== current) sent.clear();
      current = firingId;
      if (event.type === 'disk' && event.step === 'renamed') this.#renames.set(firingId, event.file);
      if (event.type !== 'message') continue;
      this.#name(event);
      if (event.kind === 'call' && event.step === 'sent') {
        const calls = this.#calls.get(firingId);
        if (calls === undefined) this.#calls.set(firingId, [event]);
        else calls.push(event);
      }
      // What this event has sent itself does not arrive with it.
      if (event.step === 'sent') sent.add(keyOf(event));
      else if (!sent.has(keyOf(event)) && !this.#arrivals.has(firingId)) {
        if (isOf(firings.get(firingId)?.topic, event)) this.#arrivals.set(firingId, event);
      }
    }
  }

  /** The message that has come with this event of the clock. */
  broughtBy(firingId: number): MessageEvent | undefined {
    return this.#arrivals.get(firingId);
  }

  textOf(id: number, topic: Topic): string | undefined {
    if (isDiskCallTopic(topic)) {
      return `the ${diskCallText(topic.what, topic.subject, this.#renames.get(id))} on ${topic.owner}`;
    }
    const { owner, what, subject } = topic;
    const arrival = this.#arrivals.get(id);
    if (arrival !== undefined) return arrivalText(arrival, this.#args.of(arrival));
    if (typeof owner !== 'string' || typeof subject !== 'string') return undefined;
    return this.#limitText(id, owner, what) ?? this.#named.get(owner)?.get(what);
  }

  /** The time limit of a call is set as that is made; of several alike nobody can say whose it is. */
  #limitText(id: number, link: string, what: string): string | undefined {
    const made = this.#calls.get(this.#firings.get(id)?.cause ?? 0) ?? [];
    const [call, ...others] = made.filter(
      ({ runner, to, name }) => linkName(runner, to) === link && stepName('limit', name) === what,
    );
    if (call === undefined || others.some(({ detail }) => detail !== call.detail)) return undefined;
    return timeLimitText(call, this.#args.of(call));
  }

  #name(event: MessageEvent): void {
    const { runner, to, kind, name } = event;
    const link = linkName(runner, to);
    const ofLink = this.#named.get(link) ?? new Map<string, string>();
    this.#named.set(link, ofLink);
    const what = stepName(kind, name);
    if (ofLink.has(what)) return;
    ofLink.set(what, arrivalText({ runner, to, kind, name }));
    if (kind === 'call') ofLink.set(stepName('limit', name), timeLimitText(event));
  }
}

function keyOf({ id, kind }: MessageEvent): string {
  return `${id} ${kind}`;
}

/** A restart delivers what has waited for it, and is not the arrival of that. */
function isOf(topic: Topic | undefined, { runner, to }: MessageEvent): boolean {
  return topic?.owner === linkName(runner, to);
}

/** The message of which it was asked, as it was sent, how long it takes; as a noun, undefined if it was asked of something else. */
export function messageAskedAbout(
  { events }: Pick<ObservedRun, 'events'>,
  { question: { topic }, traceIndex }: Pick<ObservedDecision, 'question' | 'traceIndex'>,
  args: CallArguments,
): string | undefined {
  const { event } = events[traceIndex - 1] ?? {};
  if (event?.type !== 'message' || event.step !== 'sent' || !isOf(topic, event)) return undefined;
  return topic.what === stepName(event.kind, event.name) ? messageText(event, args.of(event)) : undefined;
}
