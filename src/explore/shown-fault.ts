/**
 * How a decided fault shows in the trace. Invariants: an event is taken for the doing of one decision only, the last that could have made
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

/** Undefined if the decision is about no fault, or about one that did not strike or leaves nothing in the trace at once. */
export function shownFault(
  { events, decisions }: ObservedRun,
  decision: ObservedDecision,
): ShownFault | undefined {
  const { event, firingId } = events[decision.traceIndex] ?? {};
  if (event?.type !== 'fault' || firingId !== decision.firingId) return undefined;
  const maker = decisions.findLast(
    (other) => other.traceIndex === decision.traceIndex && isAnsweredFault(other),
  );
  if (maker !== decision) return undefined;
  return { event, decision, text: `fault "${event.kind}" strikes ${askedText(decision)}` };
}

/** True for a question about a fault whose answer, as far as can be seen, was that nothing goes wrong. */
export function isSpared(run: ObservedRun, decision: ObservedDecision): boolean {
  const { answer, n } = decision;
  if (!isAnsweredFault(decision) || answer === n - 1) return false;
  return shownFault(run, decision) === undefined && !run.events.some(({ event }) => isLater(event, decision));
}

/** The decision in words, a fault as the trace calls it. */
export function toldText(run: ObservedRun, decision: ObservedDecision): string {
  const { label, answer, n } = decision;
  if (isSpared(run, decision)) return `"${label}" is ${answer} (of 0 to ${n - 1})`;
  return shownFault(run, decision)?.text ?? decisionText(decision);
}

/** The event of an `atSomeEvent`, which comes some events after its decision. */
function isLater(event: TraceEvent, { label, answer }: ObservedDecision): boolean {
  return event.type === 'fault' && event.operation === `event ${answer}` && event.kind === aboutOf(label);
}

function isAnsweredFault({ label, answer }: ObservedDecision): boolean {
  return answer > 0 && decisionKind(label) === 'fault';
}
