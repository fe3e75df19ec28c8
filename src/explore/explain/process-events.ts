/** Trace events of simulated processes: which of them say what another one says, and which are all there is of a process. */
import type { TraceEvent } from '../../model/trace-event.ts';
import type { ObservedRun } from './observed-run.ts';

type ProcessEvent = Extract<TraceEvent, { readonly type: 'acquired' | 'freed' }>;

/**
 * Finds events that say what another one says: a simulated machine records its processes, and a run that it has one; to a reader that is
 * one process.
 */
export function recordedByMachine({ events }: ObservedRun): (event: TraceEvent) => boolean {
  const seen = new Set(
    events.flatMap(({ event }) =>
      isOfProcess(event) && event.name.startsWith('process/') ? [ownerOf(event)] : [],
    ),
  );
  return (event) => isOfProcess(event) && event.name === 'process' && seen.has(ownerOf(event));
}

/** No status shows a process that another one has started. */
export function isChild(event: TraceEvent): boolean {
  return event.type === 'acquired' && event.resource === 'process' && event.name.split('/').length > 2;
}

/** Nothing else shows when it began and ended. */
export function isProcessWithoutRun(event: TraceEvent): boolean {
  return (event.type === 'acquired' || event.type === 'freed') && event.runId.startsWith('#');
}

function isOfProcess(event: TraceEvent): event is ProcessEvent {
  return (event.type === 'acquired' || event.type === 'freed') && event.resource === 'process';
}

function ownerOf({ runner, runId }: ProcessEvent): string {
  return `${runner} ${runId}`;
}
