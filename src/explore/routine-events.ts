/** The trace events that say nothing to a reader: every run has them, whatever becomes of it. */
import type { TraceEvent } from '../model/trace-event.ts';

export const ROUTINE_EVENTS: ReadonlySet<TraceEvent['type']> = new Set([
  'phase',
  'acquired',
  'freed',
  'wrote',
  'metric',
]);
