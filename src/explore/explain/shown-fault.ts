/**
 * Matches decided faults with the events that show them in the trace. Invariants: an event is attributed to one
 * decision only, the last that could have caused it; a decision without an event is not said to strike, unless its
 * asker says so or its answer is the highest, because the answers in between may mean that nothing goes wrong.
 */
import type { Question } from '../../kernel/question.ts';
import { faultText, type FaultEvent } from '../../model/faults.ts';
import { messageText } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import { asksIfBack, hasDecidedCrash } from '../../simulation/node-strikes.ts';
import { messageAskedAbout } from './arrivals.ts';
import type { CallArguments } from './call-arguments.ts';
import type { EventNames } from './event-name.ts';
import { aboutOf, answerText, decisionText } from './question-text.ts';
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
  /** The last non-default answer about a fault before each place in the trace. */
  readonly #lastBefore = new Map<number, ObservedDecision>();
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
      if (crash === undefined) {
        this.#lastBefore.set(decision.traceIndex, decision);
        this.#indices.set(decision, at);
      } else {
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
    const { event, firingId } = this.#run.events[decision.traceIndex] ?? {};
    if (event?.type !== 'fault' || firingId !== decision.firingId) return undefined;
    if (this.#lastBefore.get(decision.traceIndex) !== decision) return undefined;
    const fault = this.#withArguments(event, decision.traceIndex);
    const others = this.#othersOf(decision, event);
    return { event, message: fault.message, others, decision, text: this.#textOf(decision, fault) };
  }

  /** Decisions about details of that fault, such as its duration, which its text includes. */
  detailsBehind(decision: ObservedDecision): readonly ObservedDecision[] {
    const back = this.#backs.get(decision);
    if (back !== undefined) return [back];
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
    const worded = this.#backs.get(decision) ?? decision;
    const text = decisionText(worded, (event) => this.#names.of(event), this.#earlierMoments(decision));
    return decision.question.kind === 'fault' ? this.#outputs.added(text) : text;
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
  #othersOf({ traceIndex, firingId }: ObservedDecision, { operation, runner }: FaultEvent): TraceEvent[] {
    const others: TraceEvent[] = [];
    for (let at = traceIndex + 1; ; at += 1) {
      const { event, firingId: other } = this.#run.events[at] ?? {};
      if (event?.type !== 'fault' || other !== firingId) return others;
      if (event.operation !== operation || event.runner !== runner || this.#lastBefore.has(at)) return others;
      others.push(event);
    }
  }
}

function isOfNetwork({ message, parts }: FaultEvent): boolean {
  return message !== undefined || parts !== undefined;
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
