/**
 * Finds the runs that struck remote calls were about: that of the client, and the one that a worker accepted before the
 * call was over. The client has lost sight of the latter, so what goes wrong afterwards is often about it. Invariant: a
 * run counts only if it does the work of a run that was struck.
 */
import type { FaultEvent } from '../../model/faults.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { StruckCalls } from './struck-calls.ts';
import type { StruckJobs } from './struck-jobs.ts';
import type { Observed } from './struck-runs.ts';

/** Of an execution that was not shrunk, only the last calls count: a history has to show more than these. */
const CALLS_MAX = 3;

/** The acceptances of these runs. */
export function struckStarts(
  events: Observed['events'],
  struckCalls: StruckCalls,
  jobs: StruckJobs,
): ReadonlySet<TraceEvent> {
  const starts = new Set<TraceEvent>();
  const calls = events.flatMap(({ event }, at) => {
    if (event.type !== 'fault' || event.operation !== 'Execute') return [];
    const call = event.clientRunId === undefined ? undefined : struckCalls.of(event);
    return call === undefined ? [] : [{ fault: event, at, call }];
  });
  for (const { fault, at, call } of calls.slice(-CALLS_MAX)) {
    const { begin, end } = call;
    const own = events.findLast(({ event }, place) => place < begin.at && isAcceptance(event, fault));
    if (own !== undefined) starts.add(own.event);
    // A call starts one run at most; later ones are of other calls for the same work.
    const started = events
      .slice(begin.at, Math.max(at, end?.at ?? events.length))
      .find(({ event }) => event.type === 'accepted' && event.runner !== fault.client && jobs.isOf(event));
    if (started !== undefined) starts.add(started.event);
  }
  return starts;
}

function isAcceptance(event: TraceEvent, { client, clientRunId }: FaultEvent): boolean {
  return event.type === 'accepted' && event.runner === client && event.runId === clientRunId;
}
