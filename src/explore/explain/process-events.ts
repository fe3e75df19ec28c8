/** Trace events of simulated processes: which are redundant, and which are the only sign of a process. */
import type { TraceEvent } from '../../model/trace-event.ts';
import type { ObservedRun } from './observed-run.ts';

type ProcessEvent = Extract<TraceEvent, { readonly type: 'acquired' | 'freed' }>;

/**
 * Finds redundant events: a simulated machine records its processes, and a run records that it has one; for a reader
 * both are the same process.
 */
export function recordedByMachine({ events }: ObservedRun): (event: TraceEvent) => boolean {
  const seen = new Set(
    events.flatMap(({ event }) =>
      isOfProcess(event) && event.name.startsWith('process/') ? [ownerOf(event)] : [],
    ),
  );
  return (event) => isOfProcess(event) && event.name === 'process' && seen.has(ownerOf(event));
}

/** True for a child process, which no status shows. */
export function isChild(event: TraceEvent): boolean {
  return event.type === 'acquired' && event.resource === 'process' && event.name.split('/').length > 2;
}

/** True for a process that belongs to no run: nothing else shows when it began and ended. */
export function isProcessWithoutRun(event: TraceEvent): boolean {
  return (event.type === 'acquired' || event.type === 'freed') && event.runId.startsWith('#');
}

function isOfProcess(event: TraceEvent): event is ProcessEvent {
  return (event.type === 'acquired' || event.type === 'freed') && event.resource === 'process';
}

function ownerOf({ runner, runId }: ProcessEvent): string {
  return `${runner} ${runId}`;
}
