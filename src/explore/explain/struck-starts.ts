/**
 * Finds the runs that struck remote calls were about: that of the client, and the one that a worker accepted before the
 * call was over. The client has lost sight of the latter, so what goes wrong afterwards is often about it. Invariant: a
 * run counts only if it does the work of a run that was struck.
 */
import type { FaultEvent } from '../../model/faults.ts';
import { isOfRemoteCall, type MessageEvent } from '../../model/message-text.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { StruckJobs } from './struck-jobs.ts';
import type { Observed } from './struck-runs.ts';

/** Of an execution that was not shrunk, only the last calls count: a history has to show more than these. */
const CALLS_MAX = 3;

/** The acceptances of these runs. */
export function struckStarts(
  { events }: Pick<Observed, 'events'>,
  jobs: StruckJobs,
): ReadonlySet<TraceEvent> {
  const starts = new Set<TraceEvent>();
  const calls = events.flatMap(({ event }, at) => {
    const begin = event.type === 'fault' ? beginOf(events, event, at) : undefined;
    return event.type !== 'fault' || begin === undefined ? [] : [{ fault: event, at, begin }];
  });
  for (const { fault, at, begin } of calls.slice(-CALLS_MAX)) {
    const own = events.findLast(({ event }, place) => place < begin.at && isAcceptance(event, fault));
    if (own !== undefined) starts.add(own.event);
    const end = Math.max(at, endOf(events, begin));
    // A call starts one run at most; later ones are of other calls for the same work.
    const started = events
      .slice(begin.at, end)
      .find(({ event }) => event.type === 'accepted' && event.runner !== fault.client && jobs.isOf(event));
    if (started !== undefined) starts.add(started.event);
  }
  return starts;
}

/** The place where a call was made, and its id. */
interface CallBegin {
  readonly at: number;
  readonly id: number;
}

/** Undefined for a fault of anything but a call that may start a run. */
function beginOf(events: Observed['events'], fault: FaultEvent, faultAt: number): CallBegin | undefined {
  const { client, clientRunId, operation } = fault;
  if (client === undefined || clientRunId === undefined || operation !== 'Execute') return undefined;
  const isBegin = ({ event }: { readonly event: TraceEvent }, at: number): boolean =>
    at < faultAt &&
    event.type === 'message' &&
    event.step === 'sent' &&
    event.runner === client &&
    event.name === operation &&
    isOfRemoteCall(event) &&
    isOfRun(event, clientRunId);
  const at = events.findLastIndex(isBegin);
  const begin = events[at]?.event as MessageEvent | undefined;
  return begin === undefined ? undefined : { at, id: begin.id };
}

function isOfRun({ detail = '' }: MessageEvent, runId: string): boolean {
  return detail === `run ${runId}` || detail.startsWith(`run ${runId},`);
}

function isAcceptance(event: TraceEvent, { client, clientRunId }: FaultEvent): boolean {
  return event.type === 'accepted' && event.runner === client && event.runId === clientRunId;
}

/** Where its answer came, or the end of the trace. */
function endOf(events: Observed['events'], { at: from, id }: CallBegin): number {
  const at = events.findIndex(
    ({ event }, place) => place > from && event.type === 'message' && event.id === id,
  );
  return at < 0 ? events.length : at;
}
