/** Trace events that tell a reader nothing by themselves: every run has them, whatever becomes of it. */
import type { TraceEvent } from '../model/trace-event.ts';

type RoutineType = 'phase' | 'acquired' | 'freed' | 'wrote' | 'metric';

const ROUTINE: readonly TraceEvent['type'][] = [
  'phase',
  'acquired',
  'freed',
  'wrote',
  'metric',
] satisfies RoutineType[];

/** An event that explanations leave out where there is anything else. */
export type RoutineEvent = Extract<TraceEvent, { readonly type: RoutineType }>;

/** True if the event is one of those. */
export function isRoutine(event: TraceEvent): event is RoutineEvent {
  return ROUTINE.includes(event.type);
}
