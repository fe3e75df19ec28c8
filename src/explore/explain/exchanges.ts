/**
 * The messages of an execution, put together: which event of the clock brought which one, which answer belongs to which call, and which steps
 * say nothing that another one does not say. Invariant: a step is left out only if nothing was decided between it and the one that stands for it.
 */
import type { Topic } from '../../kernel/question.ts';
import { type DiskCall, diskCallText } from '../../model/disk.ts';
import {
  arrivalText,
  exchangeText,
  linkName,
  messageEventText,
  messageText,
  type MessageEvent,
  stepName,
  timeLimitText,
} from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import { type ObservedDecision, type ObservedRun, unusualDecisions } from './observed-run.ts';

/** A step of a message, and how many trace events there were before. */
interface Step {
  readonly event: MessageEvent;
  readonly index: number;
  readonly firingId: number;
}

/** The steps of a call and its answer, or of a message that nobody answers, in the order of happening. */
interface Exchange {
  readonly steps: Step[];
  /** It came more than once: no step stands for another. */
  isTroubled: boolean;
}

const DISK_CALLS: Readonly<Record<DiskCall, true>> = {
  read: true,
  write: true,
  append: true,
  sync: true,
  rename: true,
  remove: true,
  list: true,
  close: true,
};

/** The event of the clock by which a message arrives, or a call of a disk ends, in words; undefined for all others. */
export class Arrivals {
  readonly #arrivals = new Map<number, MessageEvent>();
  readonly #disks = new Set<string>();
  /** What is called how on which link, for events that do not come to fire. */
  readonly #named = new Map<string, Map<string, string>>();

  constructor({ events, firings }: Pick<ObservedRun, 'events' | 'firings'>) {
    const sent = new Set<string>();
    let current = 0;
    for (const { event, firingId } of events) {
      if (firingId !== current) sent.clear();
      current = firingId;
      if (event.type === 'disk') this.#disks.add(event.runner);
      if (event.type !== 'message') continue;
      this.#name(event);
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

  textOf(id: number, { owner, what, subject }: Topic): string | undefined {
    const arrival = this.#arrivals.get(id);
    if (arrival !== undefined) return arrivalText(arrival);
    if (typeof owner !== 'string' || typeof subject !== 'string') return undefined;
    const named = this.#named.get(owner)?.get(what);
    if (named !== undefined) return named;
    if (!this.#disks.has(owner)) return undefined;
    return Object.hasOwn(DISK_CALLS, what)
      ? `the ${diskCallText(what as DiskCall, subject)} on ${owner}`
      : undefined;
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
): string | undefined {
  const { event } = events[traceIndex - 1] ?? {};
  if (event?.type !== 'message' || event.step !== 'sent' || !isOf(topic, event)) return undefined;
  return topic.what === stepName(event.kind, event.name) ? messageText(event) : undefined;
}

/** The exchanges of one execution: which of their steps are shown, and their words. */
export class Exchanges {
  readonly #exchanges = new Map<number, Exchange>();
  readonly #hidden = new Set<TraceEvent>();
  readonly #texts = new Map<TraceEvent, () => string>();
  /** Places in the trace at which something was decided or struck, in order. */
  readonly #marks: readonly number[];

  constructor(run: Pick<ObservedRun, 'events' | 'decisions'>) {
    const { events } = run;
    let before: { readonly event: TraceEvent; readonly firingId: number } | undefined;
    const marks = unusualDecisions(run).map(({ traceIndex }) => traceIndex);
    events.forEach((observed, index) => {
      const { event, firingId } = observed;
      if (event.type === 'fault') marks.push(index);
      if (event.type === 'message') {
        this.#add({ event, index, firingId });
        // What a fault does to a message was said by the fault.
        const { event: fault } = before?.firingId === firingId ? before : {};
        if (fault?.type === 'fault' && fault.operation === 'message') {
          if (['lost', 'held', 'duplicated'].includes(event.step)) this.#hidden.add(event);
        }
      }
      before = observed;
    });
    this.#marks = marks.sort((one, other) => one - other);
    for (const exchange of this.#exchanges.values()) this.#fold(exchange);
  }

  /** True for a step that another line says. */
  isSaid(event: TraceEvent): boolean {
    return this.#hidden.has(event);
  }

  textOf(event: TraceEvent): string | undefined {
    return event.type === 'message' ? this.#texts.get(event)?.() : undefined;
  }

  #add(step: Step): void {
    const { id, step: what } = step.event;
    const exchange = this.#exchanges.get(id) ?? { steps: [], isTroubled: false };
    this.#exchanges.set(id, exchange);
    exchange.steps.push(step);
    if (what === 'duplicated') exchange.isTroubled = true;
  }

  #fold({ steps, isTroubled }: Exchange): void {
    const call = steps.find(({ event }) => event.kind === 'call' && event.step === 'sent')?.event;
    const args = call?.detail ?? (call === undefined ? undefined : '');
    const came = new Set<string>();
    steps.forEach((step, at) => {
      const { event } = step;
      const next = steps[at + 1];
      const again = event.step === 'delivered' && came.has(event.kind) ? ' again' : '';
      if (event.step === 'delivered') came.add(event.kind);
      this.#texts.set(event, () => `${messageEventText(event, args)}${again}`);
      if (next !== undefined) this.#hideBeside(step, next, isTroubled);
      if (isTroubled || call === undefined || !isAnswer(event)) return;
      if (event.step === 'sent') this.#texts.set(event, () => answeredText(call, event, args));
      else if (event.step === 'delivered' && this.#hidden.has(steps[at - 1]?.event as TraceEvent)) {
        this.#texts.set(event, () => exchangeText(call, event));
      }
    });
  }

  /** Of two steps, one after the other, what the other line says. */
  #hideBeside({ event, index, firingId }: Step, next: Step, isTroubled: boolean): void {
    if (event.step === 'sent' && this.#hidesSending(event, index, next)) this.#hidden.add(event);
    if (event.step === 'refused' && next.event.kind === 'error' && next.firingId === firingId) {
      // The network says so in the name of the node.
      this.#hidden.add(next.event);
    }
    const isFolded = !isTroubled && this.#isQuietBetween(index, next.index);
    if (event.kind === 'call' && event.step === 'delivered' && isFolded && isAnswer(next.event)) {
      this.#hidden.add(event);
    }
  }

  /** When a call was made is said by its answer; of all else only what comes of it matters. */
  #hidesSending(event: MessageEvent, index: number, next: Step): boolean {
    return (
      event.kind === 'call' || next.event.step !== 'delivered' || this.#isQuietBetween(index, next.index)
    );
  }

  #isQuietBetween(index: number, next: number): boolean {
    // The first mark behind `index`, by halving: a failure may be explained that was not made small.
    let [from, to] = [0, this.#marks.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#marks[middle] ?? 0) > index) to = middle;
      else from = middle + 1;
    }
    return (this.#marks[from] ?? Infinity) > next;
  }
}

/** Who calls others. */
export function callersIn({ events }: Pick<ObservedRun, 'events'>): ReadonlySet<string> {
  return new Set(
    events.flatMap(({ event }) => (event.type === 'message' && event.kind === 'call' ? [event.runner] : [])),
  );
}

/** What a client of a workload was to do in one of its steps is said by its calls: `"client 1/step 2 does" is abort`. */
export function isOfCaller(
  { question: { kind, topic } }: Pick<ObservedDecision, 'question'>,
  callers: ReadonlySet<string>,
): boolean {
  const { owner } = topic;
  return kind === 'choice' && typeof owner !== 'string' && callers.has(owner.type);
}

/** Of clients that are numbered, those that came to call stand for the others. */
function stemOf(name: string): string {
  return name.replace(/\d+$/, '');
}

/** True for what a workload is made of, which none of its calls shows. */
export function isOfSetup({
  question: { kind },
  describe,
}: Pick<ObservedDecision, 'question' | 'describe'>): boolean {
  return kind === 'choice' && describe?.isSetup === true;
}

/** True for what decides which work there is: without it nothing fails, but that says nothing of why it does. */
export function isOfWork(
  decision: Pick<ObservedDecision, 'question' | 'describe'>,
  callers: ReadonlySet<string>,
): boolean {
  const { kind, topic } = decision.question;
  const owner = typeof topic.owner === 'string' ? topic.owner : topic.owner.type;
  if (kind !== 'choice' || callers.size === 0) return false;
  return isOfSetup(decision) || [...callers].some((caller) => stemOf(caller) === stemOf(owner));
}

/** True for what comes back of a call. */
export function isAnswer({ kind }: MessageEvent): boolean {
  return kind === 'reply' || kind === 'error';
}

function answeredText(call: MessageEvent, answer: MessageEvent, args: string | undefined): string {
  const text = messageEventText(answer, args);
  return call.at === answer.at ? text : `${text}, called at ${call.at} ms`;
}
