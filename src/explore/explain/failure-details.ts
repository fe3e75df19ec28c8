/**
 * The details of a failure: who waits, what is left, what repeats, and of a standstill what was due together in its last instant, and what the
 * scenario did last and where. Invariant: all of it was observed, not concluded; the promise that is awaited may be nobody's but the user's.
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
import type { Failure } from '../../simulation/verdict.ts';
import type { QuestionKind } from '../../kernel/question.ts';
import { eventText } from '../../trace/event-text.ts';
import { actText } from './question-text.ts';
import type { DueEvent, ObservedStep } from './observed-run.ts';
import type { RunIndex } from './run-index.ts';
import { framesOf, hasUserFrame } from './source-place.ts';

/** A detail of the failure: what is left, who waits, what repeats; also the lines of a message after its first paragraph. */
export interface FailureDetail {
  readonly text: string;
  /** Where it was made, the nearest line first. */
  readonly frames: readonly string[];
}

/** What the package took by itself was taken where it always is. */
function detailOf(fact: FailureFact): FailureDetail {
  const { stack = '' } = fact;
  return { text: factLine(fact), frames: framesOf(stack) };
}

/** Who waits comes first, with where the scenario itself does. */
export function detailsOf(
  index: RunIndex,
  failure: Failure,
  awaited: readonly FailureFact[],
): FailureDetail[] {
  const facts = factsOf(failure);
  // Of a stack that is not the same the rest may be our own.
  const waits = countedAlike(facts.filter(isWait), placedText).map(detailOf);
  const known = new Set(waits.flatMap(({ frames }) => frames));
  const places = withoutRepeats(awaited, placedText)
    .map(detailOf)
    .filter(({ frames: [first] }) => first !== undefined && !known.has(first));
  return [
    ...headlineOf(failure.message).rest.map((text) => ({ text, frames: [] })),
    ...waits,
    ...places,
    ...facts.filter((fact) => !isWait(fact)).map(detailOf),
    ...standstillDetails(index, failure, waits, waits.length + places.length > 0),
  ];
}

/** What is said of it, and the lines of the user's that are shown. */
function placedText(fact: FailureFact): string {
  return [fact.text, ...detailOf(fact).frames].join('\n');
}

/** What nobody waits for by name may be known by what was done last. */
function standstillDetails(
  index: RunIndex,
  { kind, atMs, standstill }: Failure,
  waits: readonly FailureDetail[],
  isPlaced: boolean,
): FailureDetail[] {
  if (kind !== 'deadlock' && kind !== 'stall') return [];
  // Who waits for whom says it all.
  if (standstill?.wait === 'circle') return [];
  // The last steps of a stall are those of what goes on for ever.
  if (kind === 'stall' && isPlaced) return [];
  const together = kind === 'deadlock' ? coincidenceIn(index, atMs) : undefined;
  // Where somebody waits was said with the wait.
  const steps = lastStepsIn(index).filter(({ what }) => !waits.some(({ text }) => text.startsWith(what)));
  return [
    ...(together === undefined ? [] : [{ text: together, frames: [] }]),
    ...(steps.length === 0 ? [] : [{ text: 'the last steps of the scenario that are known:', frames: [] }]),
    ...steps.map(({ text, frames }) => ({ text, frames })),
  ];
}

/** What was done last, and where. */
interface LastStep {
  /** Without the time at which it was. */
  readonly what: string;
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
function coincidenceIn({ run, names, order }: RunIndex, atMs: number): string | undefined {
  const orders = run.decisions.filter(
    ({ due, answer }) => run.firings.get(due[answer]?.id ?? 0)?.atMs === atMs,
  );
  // What was due when the instant began, unless much of what fell into it only followed from that.
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

/** The last things that the scenario did, as far as they passed through this package. */
function lastStepsIn({ run, names, order }: RunIndex): LastStep[] {
  const ofFirings = [...run.firings.values()].map((firing) => ({
    at: order.get(firing.id) ?? -1,
    textOf: () => `${names.of(firing)} fired at ${firing.atMs} ms`,
    atMs: undefined,
    stackText: () => firing.place ?? '',
  }));
  // What is chosen is there at once, so nobody waits for it.
  const acts = run.steps.filter(({ done }) => 'type' in done || !CHOSEN.has(done.question.kind));
  const ofSteps = acts.map((step) => ({
    // Before the first event fired.
    at: order.get(step.firingId) ?? -1,
    textOf: () => stepText(step.done),
    atMs: 'type' in step.done ? step.done.at : (run.firings.get(step.firingId)?.atMs ?? 0),
    stackText: () => step.stack.text,
  }));
  // What a firing brought comes after it: the sort keeps the order of those of one firing.
  const all = [...ofFirings, ...ofSteps].sort((a, b) => a.at - b.at);
  const last = new Map<number, LastStep>();
  for (const { at, atMs, textOf, stackText } of all.reverse()) {
    if (last.size >= STEPS_MAX) break;
    const stack = stackText();
    // Of what one event brought, the last says how far it came.
    if (last.has(at) || !hasUserFrame(stack)) continue;
    const what = textOf();
    const text = atMs === undefined ? what : `${atMs} ms: ${what}`;
    last.set(at, { what, text, frames: framesOf(stack).slice(0, FRAMES_MAX) });
  }
  return [...last.values()].reverse();
}

function stepText(done: ObservedStep['done']): string {
  return 'type' in done ? eventText(done) : `${actText(done.question)} was asked for`;
}
