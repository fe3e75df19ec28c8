/**
 * What is known of a standstill: what was due together in its last instant, and what the scenario did last and where. Invariant: it was
 * observed, not concluded; the promise that is awaited may be nobody's but the user's.
 */
import type { QuestionKind } from '../../kernel/question.ts';
import { formatEvent } from '../../trace/event-text.ts';
import type { EventNames } from './event-name.ts';
import { actText } from './question-text.ts';
import type { DueEvent, ObservedRun, ObservedStep } from './observed-run.ts';
import { framesOf, hasUserFrame } from './source-place.ts';

/** A line, and where it was done. */
export interface LastStep {
  readonly text: string;
  readonly frames: readonly string[];
}

/** Kinds of questions that are answered by a value. */
const CHOSEN: ReadonlySet<QuestionKind> = new Set(['choice', 'draw']);

/** So many steps say where each of a few tasks stands. */
const STEPS_MAX = 4;
const FRAMES_MAX = 3;
/** More than these at once are no coincidence. */
const TOGETHER_MAX = 5;

/** What was due together in the last instant, in one line; undefined if nothing was. */
export function coincidenceIn(run: ObservedRun, names: EventNames, atMs: number): string | undefined {
  const orders = run.decisions.filter(
    ({ due, answer }) => run.firings.get(due[answer]?.id ?? 0)?.atMs === atMs,
  );
  // What was due when the instant began, unless much of what fell into it only followed from that.
  const first = orders.find(({ due }) => due.length <= TOGETHER_MAX);
  if (first === undefined) return undefined;
  const fired = [...run.firings.keys()];
  const inOrder = first.due
    .filter(({ id }) => run.firings.has(id))
    .sort((a, b) => fired.indexOf(a.id) - fired.indexOf(b.id));
  const named = (events: readonly DueEvent[]): string =>
    events.map((event) => names.of(event)).join(', then ');
  const cancelled = first.due.filter(({ id }) => !run.firings.has(id));
  const never = cancelled.map((event) => `; ${names.of(event)} was cancelled then, and never fired`).join('');
  return `due together at ${atMs} ms: first ${named(inOrder)} fired${never}`;
}

/** The last things that the scenario did, as far as they passed through this package. */
export function lastStepsIn(run: ObservedRun, names: EventNames): LastStep[] {
  const order = new Map([...run.firings.keys()].map((id, at) => [id, at + 1]));
  const ofFirings = [...run.firings.values()].map((firing) => ({
    at: order.get(firing.id) ?? 0,
    textOf: () => `${names.of(firing)} fired at ${firing.atMs} ms`,
    stackOf: () => firing.place ?? '',
  }));
  // What is chosen is there at once, so nobody waits for it.
  const acts = run.steps.filter(({ done }) => 'type' in done || !CHOSEN.has(done.question.kind));
  const ofSteps = acts.map((step) => ({
    at: order.get(step.firingId) ?? 0,
    textOf: () => stepText(step.done, run.firings.get(step.firingId)?.atMs ?? 0),
    stackOf: () => step.stack.text,
  }));
  // What a firing brought comes after it: the sort keeps the order of those of one firing.
  const all = [...ofFirings, ...ofSteps].sort((a, b) => a.at - b.at);
  const last = new Map<number, LastStep>();
  for (const { at, textOf, stackOf } of all.reverse()) {
    if (last.size >= STEPS_MAX) break;
    const stack = stackOf();
    // Of what one event brought, the last says how far it came.
    if (last.has(at) || !hasUserFrame(stack)) continue;
    last.set(at, { text: textOf(), frames: framesOf(stack).slice(0, FRAMES_MAX) });
  }
  return [...last.values()].reverse();
}

function stepText(done: ObservedStep['done'], atMs: number): string {
  if ('type' in done) return formatEvent(done);
  return `${atMs} ms: ${actText(done.question)} was asked for`;
}
