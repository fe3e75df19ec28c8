/**
 * What is known of a standstill: what was due together in its last instant, and what the scenario did last and where. Invariant: it was
 * observed, not concluded; the promise that is awaited may be nobody's but the user's.
 */
import { filerCallText } from '../model/fault-text.ts';
import { formatEvent } from '../trace/event-text.ts';
import type { EventNames } from './event-name.ts';
import { aboutOf } from './label-text.ts';
import type { ObservedRun, ObservedStep } from './observed-run.ts';
import { framesOf, hasUserFrame } from './source-place.ts';

/** A line, and where it was done. */
export interface LastStep {
  readonly text: string;
  readonly frames: readonly string[];
}

/** So many steps say where each of a few tasks stands. */
const STEPS_MAX = 4;

/** What was due together in the last instant, in one line; undefined if nothing was. */
export function coincidenceIn(run: ObservedRun, names: EventNames, atMs: number): string | undefined {
  const together = new Set<string>();
  for (const { due, answer } of run.decisions) {
    if (due.length > 0 && run.firings.get(due[answer]?.id ?? 0)?.atMs === atMs) {
      for (const event of due) together.add(names.of(event));
    }
  }
  return together.size < 2 ? undefined : `due together at ${atMs} ms: ${[...together].join(', ')}`;
}

/** The last things that the scenario did, as far as they passed through this package. */
export function lastStepsIn(run: ObservedRun, names: EventNames): LastStep[] {
  const order = new Map([...run.firings.keys()].map((id, at) => [id, at + 1]));
  const ofFirings = [...run.firings.values()].map((firing) => ({
    at: order.get(firing.id) ?? 0,
    textOf: () => `${names.of(firing)} fired at ${firing.atMs} ms`,
    stackOf: () => firing.place ?? '',
  }));
  const ofSteps = run.steps.map((step) => ({
    at: order.get(step.firingId) ?? 0,
    textOf: () => stepText(step.done, run.firings.get(step.firingId)?.atMs ?? 0),
    stackOf: () => step.stack.stack ?? '',
  }));
  // What a firing brought comes after it: the sort keeps the order of those of one firing.
  const all = [...ofFirings, ...ofSteps].sort((a, b) => a.at - b.at);
  const last: LastStep[] = [];
  for (const { textOf, stackOf } of all.reverse()) {
    if (last.length >= STEPS_MAX) break;
    const stack = stackOf();
    const frames = hasUserFrame(stack) ? framesOf(stack) : [];
    // A line that did several things says so once.
    const isNew = last.every(({ frames: known }) => known.join() !== frames.join());
    if (frames.length > 0 && isNew) last.push({ text: textOf(), frames });
  }
  return last.reverse();
}

function stepText(done: ObservedStep['done'], atMs: number): string {
  if ('type' in done) return formatEvent(done);
  const about = aboutOf(done.label);
  return `${atMs} ms: ${filerCallText(about) ?? `"${about}"`} was asked for`;
}
