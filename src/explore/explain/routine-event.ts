/** Trace events that say nothing to a reader by themselves: every run has them, whatever becomes of it. */
import type { TraceEvent } from '../../model/trace-event.ts';

type RoutineType = 'phase' | 'acquired' | 'freed' | 'wrote' | 'metric';

/** A record, so that the compiler misses whichever is not in it. */
const ROUTINE: Readonly<Record<RoutineType, true>> = {
  phase: true,
  acquired: true,
  freed: true,
  wrote: true,
  metric: true,
};

/** An event that explanations leave out where there is anything else. */
export type RoutineEvent = Extract<TraceEvent, { readonly type: RoutineType }>;

/** True if the event is one of those. */
export function isRoutine(event: TraceEvent): event is RoutineEvent {
  return Object.hasOwn(ROUTINE, event.type);
}
