/** What the nearest passing execution did otherwise, in words. */
import { decisionKind } from '../kernel/decision-kind.ts';
import { plural } from '../model/plural.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import { formatEvent } from '../trace/event-text.ts';
import { isSameKey } from './keyed-log.ts';
import { askedText, decisionText, eventText, isDelay } from './label-text.ts';
import type { AnswerChange } from './nearest-pass.ts';
import type { ObservedDecision, ObservedRun } from './observed-run.ts';
import { isRoutine } from './routine-event.ts';

/** The nearest passing execution. */
export interface NearestPass {
  /** One sentence: what would have had to be decided otherwise. */
  readonly text: string;
  /** What happened then, and what happens instead in the failing one; absent if the traces do not differ. */
  readonly difference?: string;
  /** How many decisions differ. */
  readonly changes: number;
}

/** Tells the two executions apart. */
export function tellApart(
  failing: ObservedRun,
  passing: ObservedRun,
  changes: readonly AnswerChange[],
): NearestPass {
  const [first] = changes;
  const others = changes.length - 1;
  const more = others > 0 ? `, and ${others} more ${plural(others, 'decision')} had been plain` : '';
  const text =
    first === undefined ? '' : `If ${insteadText(failing, passing, first)}${more}, it would have held.`;
  const difference = differenceText(failing, passing);
  return { text, changes: changes.length, ...(difference === undefined ? {} : { difference }) };
}

/** The decision as it was observed in the failing execution. */
export function observedIn(run: ObservedRun, { decision }: AnswerChange): ObservedDecision | undefined {
  return run.decisions.find((other) => isSameKey(other, decision));
}

function insteadText(failing: ObservedRun, passing: ObservedRun, change: AnswerChange): string {
  const { label, n } = change.decision;
  const observed = observedIn(failing, change);
  if (observed === undefined) return `"${label}" had been ${change.answer}`;
  const { due, answer } = observed;
  if (due.length > 0) {
    const [taken, instead] = [answer, change.answer].map((at) => eventText(due[at]?.label ?? ''));
    const atMs = failing.firings.get(due[answer]?.id ?? 0)?.atMs ?? 0;
    return `${instead} had come before ${taken} at ${atMs} ms`;
  }
  const drawnInstead = drawnInsteadText(observed, passing);
  if (drawnInstead !== undefined) return drawnInstead;
  if (decisionKind(label) === 'fault' && change.answer === 0) {
    return `no fault had struck ${askedText(observed)}`;
  }
  if (decisionKind(label) === 'fault') return decisionText({ ...observed, answer: change.answer });
  if (decisionKind(label) !== 'delay') return `"${label}" had been ${change.answer} instead of ${answer}`;
  if (change.answer === 0) return `${askedText(observed)} had not been delayed`;
  return `${askedText(observed)} had been delayed by ${change.answer} instead of ${answer} (of ${n - 1})`;
}

/** A value says more than the answer that made it, if it can be told apart in few words. */
function drawnInsteadText(observed: ObservedDecision, passing: ObservedRun): string | undefined {
  const { drawn, label, answer } = observed;
  const other = passing.decisions.find((decision) => isSameKey(decision, observed))?.drawn;
  if (other === undefined || other.text === drawn?.text) return undefined;
  if (isDelay(label) && (drawn !== undefined || answer === 0)) {
    const here = drawn === undefined ? 'not at all' : `${drawn.text} ms`;
    return `${askedText(observed)} had been delayed by ${other.text} ms instead of ${here}`;
  }
  if (drawn === undefined) return undefined;
  return `"${drawn.label}" had been ${other.text} instead of ${drawn.text}`;
}

/** Of what tells most, if that differs; else of everything. Events differ if they read differently: a reader sees nothing else. */
function differenceText(failing: ObservedRun, passing: ObservedRun): string | undefined {
  const found = firstDifference(failing, passing, isTelling) ?? firstDifference(failing, passing, () => true);
  if (found === undefined) return undefined;
  const [here, then] = found;
  return `Then: ${then ?? NOTHING_MORE}. Here: ${here ?? NOTHING_MORE}.`;
}

const NOTHING_MORE = 'nothing more happens';

function firstDifference(
  one: ObservedRun,
  other: ObservedRun,
  isShown: (event: TraceEvent) => boolean,
): readonly [string | undefined, string | undefined] | undefined {
  const [first, second] = [one, other].map(({ events }) =>
    events.flatMap(({ event }) => (isShown(event) ? [formatEvent(event)] : [])),
  ) as [string[], string[]];
  const length = Math.max(first.length, second.length);
  for (let at = 0; at < length; at += 1) {
    if (first[at] !== second[at]) return [first[at], second[at]];
  }
  return undefined;
}

function isTelling(event: TraceEvent): boolean {
  return !isRoutine(event);
}
