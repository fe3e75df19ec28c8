/** Finds what a node did last before a crash: others rely on what it sent, and the crash may destroy what it wrote. */
import { isCrashKind } from '../../model/faults.ts';
import type { DiskStep, TraceEvent } from '../../model/trace-event.ts';
import type { Exchanges } from './exchanges.ts';
import type { ObservedRun } from './observed-run.ts';

/** Disk steps that change files. */
const CHANGES: ReadonlySet<DiskStep> = new Set(['wrote', 'appended', 'renamed', 'removed']);

/** For each crash: the last write and the last sync of each disk of the node, and the node's last message. */
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
  if (event.type === 'disk') {
    if (event.step === 'synced') return 'synced';
    return CHANGES.has(event.step) ? 'written' : undefined;
  }
  if (event.type !== 'message' || exchanges.isRedundant(event)) return undefined;
  return event.step === 'sent' || event.step === 'delivered' ? 'said' : undefined;
}
