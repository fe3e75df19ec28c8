/**
 * Recognizes an execution that passes because less happens: a node crashes more often or is down for longer, or little
 * of what the failing execution does is done at all. Invariant: what is reported as missing was observed in one
 * execution and not in the other.
 */
import { isCrashKind } from '../../model/faults.ts';
import { messageEventText } from '../../model/message-text.ts';
import { isTerminal } from '../../model/run-state.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import type { ObservedRun } from './observed-run.ts';
import type { RunIndex } from './run-index.ts';

const SHOWN_MAX = 2;
const NUMBER = /\d+/g;
/** An execution that fires less than this share of the events of the failing one does little. */
const FIRED_SHARE_MIN = 1 / 4;

/** What does not happen in the passing execution, as a sentence; undefined if it does what the failing one does. */
export function lackOf(failing: RunIndex, passing: RunIndex): string | undefined {
  const atMs = failing.run.verdict.failure?.atMs ?? Infinity;
  const refusedAnyway = new Set(refusedIn(failing, atMs));
  const refused = refusedIn(passing, atMs).find((text) => !refusedAnyway.has(text));
  if (refused !== undefined) return `But then ${refused}.`;
  const crashesAnyway = crashesIn(failing.run, atMs);
  const crashed = [...crashesIn(passing.run, atMs)].find(
    ([node, times]) => times > (crashesAnyway.get(node) ?? 0),
  );
  const wanted = effectsIn(failing.run);
  if (wanted.size === 0 && crashed === undefined) return lackOfFirings(failing.run, passing.run);
  const found = effectsIn(passing.run);
  const missing = [...wanted].filter(([kind]) => !found.has(kind)).map(([, event]) => event);
  // A single effect may be the mistake itself.
  const isLittle = wanted.size > 1 && missing.length * 2 >= wanted.size;
  if (crashed === undefined && !isLittle) return undefined;
  if (missing.length === 0) return `But ${crashed?.[0] ?? 'a node'} loses what it has in memory then.`;
  const shown = missing.slice(0, SHOWN_MAX).map((event) => failing.textOf(event));
  const more = missing.length > SHOWN_MAX ? ', and other things' : '';
  return `But this does not happen then: ${shown.join('; ')}${more}.`;
}

/** For code that leaves no trace. What goes on for ever fires more than anything that passes. */
function lackOfFirings(
  { firings, verdict: { failure } }: ObservedRun,
  passing: ObservedRun,
): string | undefined {
  if (failure?.kind !== 'check' && failure?.kind !== 'always' && failure?.kind !== 'error') return undefined;
  const [fired, all] = [passing.firings.size, firings.size];
  return fired < all * FIRED_SHARE_MIN
    ? `But little happens then: ${fired} of the ${all} events of the failing execution.`
    : undefined;
}

/** What did not arrive by that time because a node was down. */
function refusedIn({ run: { events }, args }: RunIndex, atMs: number): string[] {
  return events.flatMap(({ event }) => {
    if (event.at > atMs || event.type !== 'message' || event.step !== 'refused') return [];
    return [messageEventText(event, args.of(event))];
  });
}

/** How often each node has crashed by that time. */
function crashesIn({ events }: ObservedRun, atMs: number): ReadonlyMap<string, number> {
  const crashes = new Map<string, number>();
  for (const { event } of events) {
    if (event.at > atMs || event.type !== 'fault' || event.operation !== 'node') continue;
    if (isCrashKind(event.kind)) crashes.set(event.runner, (crashes.get(event.runner) ?? 0) + 1);
  }
  return crashes;
}

/** What is achieved, by its kind: answers that arrive, runs that end, and what is noted. The first of each kind. */
function effectsIn({ events }: ObservedRun): ReadonlyMap<string, TraceEvent> {
  const effects = new Map<string, TraceEvent>();
  for (const { event } of events) {
    const kind = effectOf(event);
    if (kind !== undefined && !effects.has(kind)) effects.set(kind, event);
  }
  return effects;
}

function effectOf(event: TraceEvent): string | undefined {
  if (event.type === 'note') return `note ${event.runner} ${event.text.replaceAll(NUMBER, '#')}`;
  if (event.type === 'status') return isTerminal(event.status.state) ? `end on ${event.runner}` : undefined;
  if (event.type !== 'message' || event.step !== 'delivered' || event.kind === 'error') return undefined;
  return `${event.kind} ${event.name} from ${event.runner} to ${event.to}`;
}
