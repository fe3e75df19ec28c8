/** How a decided fault shows in the trace. Invariant: an event is taken for the doing of one decision only, the last that could have made it. */
import { decisionKind } from '../kernel/decision-kind.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import { aboutOf } from './label-text.ts';
import type { ObservedDecision, ObservedRun } from './observed-run.ts';

/** A fault that the trace tells. */
export interface ShownFault {
  readonly event: TraceEvent;
  readonly decision: ObservedDecision;
  /** As the trace calls it, and the call that it struck as its decision calls it. */
  readonly text: string;
}

/** Undefined if the decision is about no fault, or about one that did not strike or leaves nothing in the trace. */
export function shownFault(
  { events, decisions }: ObservedRun,
  decision: ObservedDecision,
): ShownFault | undefined {
  const { event, firingId } = events[decision.traceIndex] ?? {};
  if (event?.type !== 'fault' || firingId !== decision.firingId) return undefined;
  const maker = decisions.findLast((other) => other.traceIndex === decision.traceIndex && strikes(other));
  if (maker !== decision) return undefined;
  return { event, decision, text: `fault "${event.kind}" strikes "${aboutOf(decision.label)}"` };
}

function strikes({ label, answer }: ObservedDecision): boolean {
  return answer > 0 && decisionKind(label) === 'fault';
}
