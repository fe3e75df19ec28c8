/**
 * The details of a failure: who waits, what is left, what repeats; for a standstill also which events were due together
 * in its last instant, and what the scenario did last and where. Invariant: everything here was observed, nothing is
 * inferred; the awaited promise may be the user's own.
 */
import { headlineOf } from '../failure-key.ts';
import {
  countedAlike,
  type FailureFact,
  factLine,
  factsOf,
  isWait,
  withoutRepeats,
} from '../../simulation/failure-fact.ts';
import { formatCount } from '../../model/plural.ts';
import type { Failure } from '../../simulation/verdict.ts';
import type { QuestionKind } from '../../kernel/question.ts';
import { eventText } from '../../trace/event-text.ts';
import { actText } from './question-text.ts';
import { decidedAtMs, type DueEvent, type ObservedStep } from './observed-run.ts';
import type { RunIndex } from './run-index.ts';
import { framesOf, hasUserFrame } from './source-place.ts';

/**
 * A detail of the failure: who waits, what is left, what repeats, or a line of the message after its first paragraph.
 */
export interface FailureDetail {
  readonly text: string;
  /** Where it was created, nearest line first. */
  readonly frames: readonly string[];
}

function detailOf(fact: FailureFact): FailureDetail {
  const { stack = '' } = fact;
  return { text: factLine(fact), frames: framesOf(stack) };
}

/** Waits come first, followed by the lines where the scenario itself waits. */
export function detailsOf(
  index: RunIndex,
  failure: Failure,
  awaited: readonly FailureFact[],
): FailureDetail[] {
  const facts = factsOf(failure);
  // Stacks that differ may differ in frames of this package only, so waits are merged by the user's frames.
  const waits = countedAlike(facts.filter(isWait), placedText).map(detailOf);
  const known = new Set(waits.flatMap(({ frames }) => frames));
  const places = withoutRepeats(awaited, placedText)
    .map(detailOf)
    .filter(({ frames: [first] }) => first !== undefined && !known.has(first));
  return [
    ...firstOf(headlineOf(failure.message).rest).map((text) => ({ text, frames: [] })),
    ...waits,
    ...places,
    ...facts.filter((fact) => !isWait(fact)).map(detailOf),
    ...standstillDetails(index, failure, waits, waits.length + places.length > 0),
  ];
}

/** A message may have a page of data; more lines than this are counted. */
const MESSAGE_LINES_MAX = 60;

function firstOf(lines: readonly string[]): readonly string[] {
  const more = lines.length - MESSAGE_LINES_MAX;
  if (more <= 1) return lines;
  return [...lines.slice(0, MESSAGE_LINES_MAX), `… (${formatCount(more)} more lines)`];
}

/** The text of the fact and the user's lines shown with it. */
function placedText(fact: FailureFact): string {
  return [fact.text, ...detailOf(fact).frames].join('\n');
}

/** The last steps of the scenario, which may show what it waits for if no wait names it. */
function standstillDetails(
  index: RunIndex,
  { kind, atMs, standstill }: Failure,
  waits: readonly FailureDetail[],
  isPlaced: boolean,
): FailureDetail[] {
  if (kind !== 'deadlock' && kind !== 'stall') return [];
  // A circular wait needs no further details.
  if (standstill?.wait === 'circle') return [];
  // The last steps of a stall belong to the work that repeats forever.
  if (kind === 'stall' && isPlaced) return [];
  const together = kind === 'deadlock' ? coincidenceIn(index, atMs) : undefined;
  // The line of a wait is already shown with the wait.
  const steps = lastStepsIn(index).filter(({ what }) => !waits.some(({ text }) => text.startsWith(what)));
  return [
    ...(together === undefined ? [] : [{ text: together, frames: [] }]),
    ...(steps.length === 0 ? [] : [{ text: 'the last known steps of the scenario:', frames: [] }]),
    ...steps.map(({ text, frames }) => ({ text, frames })),
  ];
}

/** One of the last steps, and its place. */
interface LastStep {
  /** The text without the time. */
  readonly what: string;
  readonly text: string;
  readonly frames: readonly string[];
}

/** Kinds of questions that are answered by a value. */
const CHOSEN: ReadonlySet<QuestionKind> = new Set(['choice', 'draw']);

/** Enough to show the position of each of a few tasks. */
const STEPS_MAX = 4;
const FRAMES_MAX = 3;
/** More events than this due together are not a coincidence. */
const TOGETHER_MAX = 5;

/** The events due together in the last instant, in one line; undefined if there were none. */
function coincidenceIn({ run, names, order }: RunIndex, atMs: number): string | undefined {
  const orders = run.decisions.filter(
    (decision) => decision.due.length > 0 && decidedAtMs(run, decision) === atMs,
  );
  // The first small order of the instant: what was due at its beginning, unless that was a crowd.
  const first = orders.find(({ due }) => due.length <= TOGETHER_MAX);
  if (first === undefined) return undefined;
  const inOrder = first.due
    .filter(({ id }) => run.firings.has(id))
    .sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0));
  const named = (events: readonly DueEvent[]): string =>
    events.map((event) => names.of(event)).join(', then ');
  const cancelled = first.due.filter(({ id }) => !run.firings.has(id));
  const never = cancelled.map((event) => `; ${names.of(event)} was cancelled then, and never fired`).join('');
  return `due together at ${atMs} ms: first ${named(inOrder)} fired${never}`;
}

/** The last steps of the scenario that passed through this package. */
function lastStepsIn({ run, names, order }: RunIndex): LastStep[] {
  const ofFirings = [...run.firings.values()].map((firing) => ({
    at: order.get(firing.id) ?? -1,
    textOf: () => `${names.of(firing)} fired at ${firing.atMs} ms`,
    atMs: undefined,
    stackText: () => firing.place ?? '',
  }));
  // A choice returns at once, so no task waits for one.
  const acts = run.steps.filter(({ done }) => 'type' in done || !CHOSEN.has(done.question.kind));
  const ofSteps = acts.map((step) => ({
    // -1: before the first event fired.
    at: order.get(step.firingId) ?? -1,
    textOf: () => stepText(step.done),
    atMs: 'type' in step.done ? step.done.at : step.done.askedAtMs,
    stackText: () => step.stack.text,
  }));
  // Steps of a firing come after it: the sort is stable.
  const all = [...ofFirings, ...ofSteps].sort((a, b) => a.at - b.at);
  const last = new Map<number, LastStep>();
  for (const { at, atMs, textOf, stackText } of all.reverse()) {
    if (last.size >= STEPS_MAX) break;
    const stack = stackText();
    // Only the last step of each firing, which shows how far its code got.
    if (last.has(at) || !hasUserFrame(stack)) continue;
    const what = textOf();
    const text = atMs === undefined ? what : `${atMs} ms: ${what}`;
    last.set(at, { what, text, frames: framesOf(stack).slice(0, FRAMES_MAX) });
  }
  return [...last.values()].reverse();
}

function stepText(done: ObservedStep['done']): string {
  return 'type' in done ? eventText(done) : `${actText(done.question)} was requested`;
}
