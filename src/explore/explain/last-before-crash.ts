/** What a node did last before a crash: others rely on what it has said, and the crash strikes what it has written. */
import { isCrashKind } from '../../model/faults.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { Exchanges } from './exchanges.ts';
import { stepKind } from './file-losses.ts';
import type { ObservedRun } from './observed-run.ts';

/** The last write and the last sync of each disk before each crash of its node, and the last message of that node. */
export function lastBeforeCrashes(
  events: ObservedRun['events'],
  exchanges: Exchanges,
): ReadonlySet<TraceEvent> {
  const found = new Set<TraceEvent>();
  const last = new Map<string, Map<string, TraceEvent>>();
  for (const { event } of events) {
    const what = whatIsLast(event, exchanges);
    if (what !== undefined) {
      const ofNode = last.get(event.runner) ?? new Map<string, TraceEvent>();
      last.set(event.runner, ofNode.set(what, event));
    } else if (event.type === 'fault' && event.operation === 'node' && isCrashKind(event.kind)) {
      for (const each of last.get(event.runner)?.values() ?? []) found.add(each);
    }
  }
  return found;
}

function whatIsLast(event: TraceEvent, exchanges: Exchanges): 'written' | 'synced' | 'said' | undefined {
  if (event.type === 'disk') return stepKind(event);
  if (event.type !== 'message' || exchanges.isSaid(event)) return undefined;
  return event.step === 'sent' || event.step === 'delivered' ? 'said' : undefined;
}
