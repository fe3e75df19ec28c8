/**
 * Recognizes an execution that passes because less happens: a node crashes more often or is down for longer, or little
 * of what the failing execution does is done at all. Invariant: what is reported as missing was observed in one
 * execution and not in the other.
 */
import { isCrashKind } from '../../model/faults.ts';
import { messageEventText } from '../../model/message-text.ts';
import { counted } from '../../model/plural.ts';
import { isTerminal } from '../../model/run-state.ts';
import type { TraceEvent } from '../../model/trace-event.ts';
import { withoutNumbers } from '../without-numbers.ts';
import type { ObservedRun } from './observed-run.ts';
import type { RunIndex } from './run-index.ts';

const SHOWN_MAX = 2;
/** An execution that fires less than this share of the events of the failing one does little. */
const FIRED_SHARE_MIN = 1 / 4;
/** One that fires fewer is small, and does not get much smaller. */
const FIRED_MIN = 4;

/** What does not happen in the passing execution, as a sentence; undefined if it does what the failing one does. */
export function lackOf(failing: RunIndex, passing: RunIndex): string | undefined {
  const crashed = crashedMoreOften(failing.run, passing.run);
  return (
    lackOfArrival(failing, passing) ??
    lackOfEffects(failing, passing, crashed !== undefined) ??
    lackOfMemory(crashed) ??
    lackOfFirings(failing.run, passing.run)
  );
}

/** Something does not arrive because a node is down. */
function lackOfArrival(failing: RunIndex, passing: RunIndex): string | undefined {
  const atMs = endMsOf(failing.run);
  const refusedAnyway = new Set(refusedIn(failing, atMs));
  const refused = refusedIn(passing, atMs).find((text) => !refusedAnyway.has(text));
  return refused === undefined ? undefined : `But then ${refused}.`;
}

/** Half of what the failing one achieves is not achieved, or anything because of a crash. */
function lackOfEffects(failing: RunIndex, passing: RunIndex, hasCrashed: boolean): string | undefined {
  const [wanted, found] = [effectsIn(failing.run), effectsIn(passing.run)];
  const missing = [...wanted].filter(([kind]) => !found.has(kind)).map(([, event]) => event);
  // A single effect may be the mistake itself.
  const isLittle = wanted.size > 1 && missing.length * 2 >= wanted.size;
  if (missing.length === 0 || !(hasCrashed || isLittle)) return undefined;
  const shown = missing.slice(0, SHOWN_MAX).map((event) => failing.textOf(event));
  const more = missing.length > SHOWN_MAX ? ', and other things' : '';
  return `But this does not happen then: ${shown.join('; ')}${more}.`;
}

/** Everything is achieved, but another crash may have erased what would have failed. */
function lackOfMemory(crashed: string | undefined): string | undefined {
  return crashed === undefined ? undefined : `But ${crashed} loses what it has in memory then.`;
}

/** For code that leaves no trace. What goes on for ever fires more than anything that passes. */
function lackOfFirings(failing: ObservedRun, passing: ObservedRun): string | undefined {
  const { kind } = failing.verdict.failure ?? {};
  if (kind !== 'check' && kind !== 'always' && kind !== 'error') return undefined;
  const [fired, all] = [passing.firings.size, failing.firings.size];
  if (all < FIRED_MIN || fired >= all * FIRED_SHARE_MIN || effectsIn(failing).size > 0) return undefined;
  return `But it does little then: ${counted(fired, 'event')} of the clock, where the failing execution has ${all}.`;
}

/** The node that has crashed more often in the passing execution, by the time of the failure; undefined if none has. */
function crashedMoreOften(failing: ObservedRun, passing: ObservedRun): string | undefined {
  const atMs = endMsOf(failing);
  const crashesAnyway = crashesIn(failing, atMs);
  const crashed = [...crashesIn(passing, atMs)].find(
    ([node, times]) => times > (crashesAnyway.get(node) ?? 0),
  );
  return crashed?.[0];
}

function endMsOf({ verdict: { failure } }: ObservedRun): number {
  return failure?.atMs ?? Infinity;
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
  if (event.type === 'note') return `note ${event.runner} ${withoutNumbers(event.text)}`;
  if (event.type === 'status') return isTerminal(event.status.state) ? `end on ${event.runner}` : undefined;
  if (event.type !== 'message' || event.step !== 'delivered' || event.kind === 'error') return undefined;
  return `${event.kind} ${event.name} from ${event.runner} to ${event.to}`;
}
