/**
 * Groups the messages of an execution into exchanges: which reply belongs to which call, and which steps are redundant.
 * Invariant: the arrival of a call, and the sending of a message that arrives next, are hidden only if nothing was
 * decided between that and the step that implies it. The sending of a call, and of a message that does not arrive next,
 * is hidden whenever a later step of it follows.
 */
import { exchangeText, type MessageEvent } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { ObservedDecision, ObservedRun } from './observed-run.ts';
import type { OutputNames } from './output-names.ts';
import type { StruckCalls } from './struck-calls.ts';

/** A step of a message, and the number of earlier trace events. */
interface Step {
  readonly event: MessageEvent;
  readonly index: number;
  readonly firingId: number;
}

/** The steps of a call and its reply, or of a one-way message, in chronological order. */
interface Exchange {
  readonly steps: Step[];
  /** True if it was delivered more than once: then no step is redundant. */
  isTroubled: boolean;
}

/** The exchanges of one execution: which of their steps are shown, and their words. */
export class Exchanges {
  readonly #exchanges = new Map<number, Exchange>();
  readonly #hidden = new Set<TraceEvent>();
  /** Of the steps whose words say more than their events do. */
  readonly #wording = new Map<TraceEvent, () => string>();
  readonly #texts = new Map<TraceEvent, string>();
  /** Indices in the trace at which a decision was made or a fault struck, ascending. */
  readonly #marks: readonly number[];
  readonly #outputs: OutputNames;

  /** `unusual` are the decisions that were not plain, `textOf` describes an event alone. */
  constructor(
    events: ObservedRun['events'],
    unusual: readonly ObservedDecision[],
    textOf: (event: TraceEvent) => string,
    { outputs, struckCalls }: { readonly outputs: OutputNames; readonly struckCalls: StruckCalls },
  ) {
    this.#outputs = outputs;
    let before: { readonly event: TraceEvent; readonly firingId: number } | undefined;
    const marks = unusual.map(({ traceIndex }) => traceIndex);
    events.forEach((observed, index) => {
      const { event, firingId } = observed;
      if (event.type === 'fault') marks.push(index);
      if (event.type === 'message') {
        this.#add({ event, index, firingId });
        // The fault event already says what it does to the message.
        const { event: fault } = before?.firingId === firingId ? before : {};
        if (fault?.type === 'fault' && fault.operation === 'message') {
          if (['lost', 'held', 'duplicated'].includes(event.step)) this.#hidden.add(event);
        }
        if (struckCalls.isOutcome(event)) this.#hidden.add(event);
      }
      before = observed;
    });
    this.#marks = marks.sort((one, other) => one - other);
    for (const exchange of this.#exchanges.values()) this.#fold(exchange, textOf);
  }

  /** True for a step that another line implies. */
  isRedundant(event: TraceEvent): boolean {
    return this.#hidden.has(event);
  }

  /** The words of a step; undefined if they are those of the event alone. */
  textOf(event: TraceEvent): string | undefined {
    const text = this.#texts.get(event) ?? this.#wording.get(event)?.();
    if (text !== undefined) this.#texts.set(event, text);
    return text;
  }

  #add(step: Step): void {
    const { id, step: what } = step.event;
    const exchange = this.#exchanges.get(id) ?? { steps: [], isTroubled: false };
    this.#exchanges.set(id, exchange);
    exchange.steps.push(step);
    if (what === 'duplicated') exchange.isTroubled = true;
  }

  #fold({ steps, isTroubled }: Exchange, textOf: (event: TraceEvent) => string): void {
    const call = steps.find(({ event }) => event.kind === 'call' && event.step === 'sent')?.event;
    const came = new Set<string>();
    steps.forEach((step, at) => {
      const { event } = step;
      const next = steps[at + 1];
      if (event.step === 'delivered') {
        if (came.has(event.kind)) this.#wording.set(event, () => `${textOf(event)} again`);
        came.add(event.kind);
      }
      if (next !== undefined) this.#hideRedundant(step, next, isTroubled);
      if (isTroubled || call === undefined || !isAnswer(event)) return;
      if (event.step === 'sent') this.#wording.set(event, () => answeredText(call, event, textOf(event)));
      else if (event.step === 'delivered' && this.#hidden.has(steps[at - 1]?.event as TraceEvent)) {
        this.#wording.set(event, () => this.#outputs.added(exchangeText(call, event)));
      }
    });
  }

  /** Hides what one of two consecutive steps implies about the other. */
  #hideRedundant({ event, index, firingId }: Step, next: Step, isTroubled: boolean): void {
    if (event.step === 'sent' && this.#hidesSending(event, index, next)) this.#hidden.add(event);
    if (event.step === 'refused' && next.event.kind === 'error' && next.firingId === firingId) {
      // The error is the network's, sent in the name of the node.
      this.#hidden.add(next.event);
    }
    const isFolded = !isTroubled && this.#isQuietBetween(index, next.index);
    if (event.kind === 'call' && event.step === 'delivered' && isFolded && isAnswer(next.event)) {
      this.#hidden.add(event);
    }
  }

  /** The reply says when its call was made; for other messages, only the outcome matters. */
  #hidesSending(event: MessageEvent, index: number, next: Step): boolean {
    return (
      event.kind === 'call' || next.event.step !== 'delivered' || this.#isQuietBetween(index, next.index)
    );
  }

  #isQuietBetween(index: number, next: number): boolean {
    // Finds the first mark after `index` by bisection, because a failure that was not shrunk has many.
    let [from, to] = [0, this.#marks.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#marks[middle] ?? 0) > index) to = middle;
      else from = middle + 1;
    }
    return (this.#marks[from] ?? Infinity) > next;
  }
}

/** True for a reply or an error. */
export function isAnswer({ kind }: MessageEvent): boolean {
  return kind === 'reply' || kind === 'error';
}

function answeredText(call: MessageEvent, answer: MessageEvent, text: string): string {
  return call.at === answer.at ? text : `${text}, called at ${call.at} ms`;
}
