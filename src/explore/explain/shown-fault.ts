/**
 * Describes decided faults by the events that show them in the trace. Invariant: a decision without an event is not said
 * to strike, unless its asker says so or its answer is the highest, because the answers in between may mean that nothing
 * goes wrong.
 */
import type { Question } from '../../kernel/question.ts';
import { faultText, type FaultEvent } from '../../model/faults.ts';
import { messageText } from '../../model/message-text.ts';
import { counted } from '../../model/plural.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import { asksIfBack, hasDecidedCrash } from '../../simulation/node-strikes.ts';
import { messageAskedAbout } from './arrivals.ts';
import type { CallArguments } from './call-arguments.ts';
import type { EventNames } from './event-name.ts';
import { aboutOf, answerText, decisionText } from './question-text.ts';
import { FaultPlaces, isOfNetwork } from './fault-places.ts';
import type { OutputNames } from './output-names.ts';
import type { ObservedDecision, ObservedEvent, ObservedRun } from './observed-run.ts';

/** A fault in the trace. */
export interface ShownFault {
  readonly event: TraceEvent;
  /** The message that it strikes, in words, a reply with the arguments of its call; undefined if it strikes none. */
  readonly message?: string | undefined;
  /** Further events of the same fault, which are redundant. */
  readonly others: readonly TraceEvent[];
  readonly decision: ObservedDecision;
  readonly text: string;
}

/** The faults of one execution, found in a single pass, because an execution that was not shrunk is long. */
export class ShownFaults {
  readonly #run: ObservedRun;
  readonly #names: EventNames;
  readonly #args: CallArguments;
  readonly #outputs: OutputNames;
  /** Ordinals of decisions, by answer and question. */
  readonly #earlier = new Map<string, ReadonlyMap<ObservedDecision, number>>();
  readonly #shown = new Map<ObservedDecision, ShownFault | undefined>();
  /** Positions of the answered questions about faults among the decisions. */
  readonly #indices = new Map<ObservedDecision, number>();
  readonly #places: FaultPlaces;
  /** By the fault of a call, the decision about a detail of it that has no place in the trace: how long it is slow. */
  readonly #callDetails: ReadonlyMap<ObservedDecision, ObservedDecision>;
  /** By the crash of a node that is back as a call arrives, the decision that it is; and the other way round. */
  readonly #backs = new Map<ObservedDecision, ObservedDecision>();
  readonly #crashes = new Map<ObservedDecision, ObservedDecision>();
  /** The events of `atSomeEvent`, which come some events after their decisions. */
  readonly #later = new Map<string, ObservedEvent>();

  constructor(run: ObservedRun, names: EventNames, args: CallArguments, outputs: OutputNames) {
    this.#run = run;
    this.#names = names;
    this.#args = args;
    this.#outputs = outputs;
    run.decisions.forEach((decision, at) => {
      if (!isAnsweredFault(decision)) return;
      const crash = crashBehind(run.decisions, at);
      if (crash === undefined) this.#indices.set(decision, at);
      else {
        this.#backs.set(crash, decision);
        this.#crashes.set(decision, crash);
      }
    });
    for (const observed of run.events) {
      const { event } = observed;
      if (event.type === 'fault' && event.afterEvent !== undefined) {
        this.#later.set(`${event.afterEvent} ${event.kind}`, observed);
      }
    }
    this.#places = new FaultPlaces(run, [...this.#indices.keys()]);
    this.#callDetails = this.#findCallDetails();
  }

  /**
   * The fault in the trace; undefined if the decision is about no fault, or about one that did not strike or is not
   * traced.
   */
  of(decision: ObservedDecision): ShownFault | undefined {
    if (!isAnsweredFault(decision)) return undefined;
    if (!this.#shown.has(decision)) this.#shown.set(decision, this.#find(decision));
    return this.#shown.get(decision);
  }

  #find(decision: ObservedDecision): ShownFault | undefined {
    const struckLater = this.#later.get(`${decision.answer} ${aboutOf(decision.question)}`);
    if (struckLater !== undefined) return this.#struckLater(decision, struckLater);
    const place = this.#places.of(decision);
    const event = place === undefined ? undefined : this.#run.events[place]?.event;
    if (place === undefined || event?.type !== 'fault') return undefined;
    const fault = this.#withArguments(event, place);
    const others = this.#othersOf(event, place);
    return { event, message: fault.message, others, decision, text: this.#textOf(decision, fault) };
  }

  /** Decisions about details of that fault, such as its duration, which its text includes. */
  detailsBehind(decision: ObservedDecision): readonly ObservedDecision[] {
    const back = this.#backs.get(decision);
    if (back !== undefined) return [back];
    const ofCall = this.#callDetails.get(decision);
    if (ofCall !== undefined) return [ofCall];
    const { event } = this.of(decision) ?? {};
    if (event?.type !== 'fault' || !isOfNetwork(event)) return [];
    const { decisions } = this.#run;
    const details: ObservedDecision[] = [];
    for (let at = (this.#indices.get(decision) ?? -1) + 1; ; at += 1) {
      const next = decisions[at];
      if (next?.traceIndex !== decision.traceIndex || next.question.kind === 'fault') return details;
      details.push(next);
    }
  }

  /** True for a decision about a fault that, as far as can be seen, means that nothing goes wrong. */
  isSpared(decision: ObservedDecision): boolean {
    const { answer, n } = decision;
    if (!isAnsweredFault(decision) || this.of(decision) !== undefined) return false;
    const words = answerText(decision, answer);
    return words === undefined ? answer !== n - 1 : words === '';
  }

  /** The decision in words. */
  textOf(decision: ObservedDecision): string {
    const crash = this.#crashes.get(decision);
    if (crash !== undefined) return this.textOf(crash);
    const { question, answer, n } = decision;
    if (this.isSpared(decision)) {
      return `"${question.text}" brings no fault (${answer} of 0 to ${n - 1})`;
    }
    const message =
      question.kind === 'delay' ? messageAskedAbout(this.#run, decision, this.#args) : undefined;
    const ms = answerText(decision, answer);
    if (message !== undefined && ms !== undefined) return `${message} is delayed by ${ms} ms`;
    return this.of(decision)?.text ?? this.#decisionText(decision);
  }

  #decisionText(decision: ObservedDecision): string {
    const worded = this.#backs.get(decision) ?? this.#withCallDetail(decision);
    const text = decisionText(worded, (event) => this.#names.of(event), this.#earlierMoments(decision));
    return decision.question.kind === 'fault' ? this.#outputs.added(text) : text;
  }

  #withCallDetail(decision: ObservedDecision): ObservedDecision {
    const detail = this.#callDetails.get(decision);
    const words = detail === undefined ? '' : callDetailText(detail);
    return words === ''
      ? decision
      : { ...decision, describe: (answer) => `${answerText(decision, answer) ?? ''}${words}` };
  }

  /** The details are asked in the order of the faults, each in the step in which its fault was decided. */
  #findCallDetails(): ReadonlyMap<ObservedDecision, ObservedDecision> {
    const { decisions, events } = this.#run;
    const details = new Map<ObservedDecision, ObservedDecision>();
    const taken = new Set<ObservedDecision>();
    for (const [decision, index] of this.#indices) {
      const { event } = events[this.#places.of(decision) ?? -1] ?? {};
      if (event?.type !== 'fault') continue;
      const isDetail = ({ question: { topic } }: ObservedDecision): boolean =>
        topic.owner === '' && topic.what === event.kind && topic.subject === decision.question.topic;
      for (let at = index + 1; decisions[at]?.firingId === decision.firingId; at += 1) {
        const other = decisions[at] as ObservedDecision;
        if (!isDetail(other) || taken.has(other)) continue;
        details.set(decision, other);
        taken.add(other);
        break;
      }
    }
    return details;
  }

  /** How often the same question was asked before with the same text: calls with other arguments do not count. */
  #earlierMoments(decision: ObservedDecision): number {
    const { question, answer, occurrence } = decision;
    if (question.kind !== 'fault' || occurrence === 0) return occurrence;
    if (answerText(decision, answer) === undefined) return occurrence;
    const key = `${answer} ${question.key}`;
    const earlier = this.#earlier.get(key) ?? this.#earlierOf(question, answer);
    this.#earlier.set(key, earlier);
    return earlier.get(decision) ?? occurrence;
  }

  /** The number of earlier equal texts for each decision about that question, as if it had that answer. */
  #earlierOf({ key }: Question, answer: number): ReadonlyMap<ObservedDecision, number> {
    const times = new Map<string, number>();
    const earlier = new Map<ObservedDecision, number>();
    for (const decision of this.#run.decisions) {
      if (decision.question.key !== key) continue;
      const words = answerText(decision, answer) ?? '';
      const count = times.get(words) ?? 0;
      earlier.set(decision, count);
      times.set(words, count + 1);
    }
    return earlier;
  }

  #textOf(decision: ObservedDecision, event: FaultEvent): string {
    const words = answerText(decision, decision.answer);
    // The message and its delay say more than an ordinal.
    if (isOfNetwork(event)) return faultText(event);
    return words === undefined || words === '' ? faultText(event) : this.#decisionText(decision);
  }

  /** A fault strikes a reply when it is sent; the fault event does not say which call the reply belongs to. */
  #withArguments(fault: FaultEvent, traceIndex: number): FaultEvent {
    const { event } = this.#run.events[traceIndex - 1] ?? {};
    if (event?.type !== 'message' || fault.message !== messageText(event)) return fault;
    return { ...fault, message: messageText(event, this.#args.of(event)) };
  }

  #struckLater(decision: ObservedDecision, { event, firingId }: ObservedEvent): ShownFault {
    const firing = this.#run.firings.get(firingId);
    const when = firing === undefined ? 'at the start' : `right after ${this.#names.of(firing)}`;
    return { event, others: [], decision, text: `${aboutOf(decision.question)}, ${when}` };
  }

  /** One behaviour of a filer may be several faults. */
  #othersOf({ operation, runner }: FaultEvent, place: number): TraceEvent[] {
    const others: TraceEvent[] = [];
    const { events } = this.#run;
    for (let at = place + 1; ; at += 1) {
      const { event, firingId } = events[at] ?? {};
      if (event?.type !== 'fault' || firingId !== events[place]?.firingId) return others;
      if (event.operation !== operation || event.runner !== runner) return others;
      if (this.#places.isDecided(at)) return others;
      others.push(event);
    }
  }
}

/** How long a call is slow, or after how many answers it breaks off. */
function callDetailText(detail: ObservedDecision): string {
  const { question, answer } = detail;
  if (question.kind === 'delay') return ` for ${answerText(detail, answer) ?? ''} ms`;
  return answer === 0 ? '' : ` after ${counted(answer, 'answer')}`;
}

/** The crash of which the decision there says that the node is back as a call arrives. */
function crashBehind(decisions: readonly ObservedDecision[], at: number): ObservedDecision | undefined {
  const back = (decisions[at] as ObservedDecision).question.topic;
  if (!asksIfBack(back)) return undefined;
  return decisions.slice(0, at).findLast(({ question }) => hasDecidedCrash(question.topic, back));
}

function isAnsweredFault({ question, answer }: ObservedDecision): boolean {
  return answer > 0 && question.kind === 'fault';
}
