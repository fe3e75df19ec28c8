/** Finds messages by the clock events that deliver them, and by the questions asked about them when they are sent. */
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

/** Names the clock events that deliver a message or end a disk call. */
export class Arrivals {
  readonly #arrivals = new Map<number, MessageEvent>();
  /** New names of files, by the clock event that renamed them. */
  readonly #renames = new Map<number, string>();
  /** Texts by link and step, for events that never fire. */
  readonly #named = new Map<string, Map<string, string>>();
  /** Calls by the clock event that made them. */
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
      // A message that this event sends cannot also arrive with it.
      if (event.step === 'sent') sent.add(keyOf(event));
      else if (!sent.has(keyOf(event)) && !this.#arrivals.has(firingId)) {
        if (isOf(firings.get(firingId)?.topic, event)) this.#arrivals.set(firingId, event);
      }
    }
  }

  /** The message that this clock event delivered. */
  broughtBy(firingId: number): MessageEvent | undefined {
    return this.#arrivals.get(firingId);
  }

  /** The event in words; undefined if it neither delivers a message nor ends a disk call. */
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

  /**
   * The timeout of a call is set when the call is made; with several different candidates it is unclear whose it is.
   */
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

/** False for a restart: it delivers messages that waited for it, but belongs to no link. */
function isOf(topic: Topic | undefined, { runner, to }: MessageEvent): boolean {
  return topic?.owner === linkName(runner, to);
}

/** The message whose latency the question is about, as a noun; undefined if the question is about something else. */
export function messageAskedAbout(
  { events }: Pick<ObservedRun, 'events'>,
  { question: { topic }, traceIndex }: Pick<ObservedDecision, 'question' | 'traceIndex'>,
  args: CallArguments,
): string | undefined {
  const { event } = events[traceIndex - 1] ?? {};
  if (event?.type !== 'message' || event.step !== 'sent' || !isOf(topic, event)) return undefined;
  return topic.what === stepName(event.kind, event.name) ? messageText(event, args.of(event)) : undefined;
}
