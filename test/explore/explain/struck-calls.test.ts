// Which remote call a fault struck, and which runs such calls were about.
import { expect, test } from 'vitest';
import { StruckCalls } from '../../../src/explore/explain/struck-calls.ts';
import { struckStarts } from '../../../src/explore/explain/struck-starts.ts';
import type { FaultEvent } from '../../../src/model/faults.ts';
import { type MessageEvent, REMOTE_SERVER } from '../../../src/model/message-text.ts';
import type { TraceEvent } from '../../../src/model/trace-event.ts';

let made = 0;

function callOf(client: string, run: number): MessageEvent {
  made += 1;
  const sent = { kind: 'call', name: 'Execute', detail: `run ${run}, action` } as const;
  return { at: 0, type: 'message', id: made, step: 'sent', runner: client, to: REMOTE_SERVER, ...sent };
}

function cutOf(client: string, run: number): FaultEvent {
  const struck = { client, clientRunId: String(run), detail: 'action' };
  return { at: 0, type: 'fault', runner: 'net', operation: 'Execute', kind: 'cut', runId: '', ...struck };
}

const observed = (events: readonly TraceEvent[]) => events.map((event) => ({ event, firingId: 0 }));

test('a fault struck the call of its own client, whichever client has called last', () => {
  const [ours, others] = [callOf('lane-1', 0), callOf('lane-2', 0)];
  const fault = cutOf('lane-1', 0);
  expect(new StruckCalls(observed([ours, others, fault])).of(fault)?.begin.event).toBe(ours);
});

test('of many struck calls, the runs of the last three are shown', () => {
  const runs = Array.from({ length: 5 }, (_, run) => {
    const command = { argv: ['make'], taskId: `job-${run}` };
    const accepted: TraceEvent = { at: 0, type: 'accepted', runner: 'lane', runId: String(run), command };
    return [accepted, callOf('lane', run), cutOf('lane', run)];
  });
  const events = observed(runs.flat());
  const starts = struckStarts(events, new StruckCalls(events), { runners: new Set(), isOf: () => false });
  expect([...starts]).toEqual(runs.slice(2).map(([accepted]) => accepted));
});
