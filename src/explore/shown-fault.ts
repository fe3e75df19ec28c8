/**
 * How decided faults show in the trace. Invariants: an event is taken for the doing of one decision only, the last that could have made
 * it; what leaves none is not said to strike, unless its answer is the highest, for those between may mean that nothing goes wrong.
 */
import { decisionKind } from '../kernel/decision-kind.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import { aboutOf, askedText, decisionText } from './label-text.ts';
import type { ObservedDecision, ObservedRun } from './observed-run.ts';

/** A fault that the trace tells. */
export interface ShownFault {
  readonly event: TraceEvent;
  readonly decision: ObservedDecision;
  /** As the trace calls it, and the call that it struck as its decision calls it. */
  readonly text: string;
}

/** The faults of one execution. Goes through it once, as a failure may be explained that was not made small. */
export class ShownFaults {
  readonly #run: ObservedRun;
  /** The last answered question about a fault before each place in the trace. */
  readonly #lastBefore = new Map<number, ObservedDecision>();
  /** The events of `atSomeEvent`, which come some events after their decisions. */
  readonly #later = new Set<string>();

  constructor(run: ObservedRun) {
    this.#run = run;
    for (const decision of run.decisions) {
      if (isAnsweredFault(decision)) this.#lastBefore.set(decision.traceIndex, decision);
    }
    for (const { event } of run.events) {
      if (event.type === 'fault') this.#later.add(`${event.operation} ${event.kind}`);
    }
  }

  /** Undefined if the decision is about no fault, or about one that did not strike or leaves nothing in the trace at once. */
  of(decision: ObservedDecision): ShownFault | undefined {
    const { event, firingId } = this.#run.events[decision.traceIndex] ?? {};
    if (event?.type !== 'fault' || firingId !== decision.firingId) return undefined;
    if (this.#lastBefore.get(decision.traceIndex) !== decision) return undefined;
    return { event, decision, text: `fault "${event.kind}" strikes ${askedText(decision)}` };
  }

  /** True for a question about a fault whose answer, as far as can be seen, was that nothing goes wrong. */
  isSpared(decision: ObservedDecision): boolean {
    const { label, answer, n } = decision;
    if (!isAnsweredFault(decision) || answer === n - 1 || this.of(decision) !== undefined) return false;
    return !this.#later.has(`event ${answer} ${aboutOf(label)}`);
  }

  /** The decision in words, a fault as the trace calls it. */
  textOf(decision: ObservedDecision): string {
    const { label, answer, n } = decision;
    if (this.isSpared(decision)) return `"${label}" is ${answer} (of 0 to ${n - 1})`;
    return this.of(decision)?.text ?? decisionText(decision);
  }
}

function isAnsweredFault({ label, answer }: ObservedDecision): boolean {
  return answer > 0 && decisionKind(label) === 'fault';
}
