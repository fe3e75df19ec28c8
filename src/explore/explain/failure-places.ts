/**
 * The source lines that matter: where decisive events were set or asked about, where leftovers were acquired, and where
 * the failure was noticed.
 */
import type { Failure } from '../../simulation/verdict.ts';
import { actText, timeText } from './question-text.ts';
import type { ObservedDecision } from './observed-run.ts';
import { messageAskedAbout } from './arrivals.ts';
import { hasUserFrame, framesOfThrower, placeOf, shortPlaceOf, type SourcePlace } from './source-place.ts';
import { errorNameOf, stackOf } from '../../kernel/errors.ts';
import { isAboutHolding } from './held-resources.ts';
import { hopelessWaitOf } from './hopeless-wait.ts';
import { observedIn } from './nearest-history.ts';
import { subjectsOf } from './failure-subjects.ts';
import { placeOfStart, placesOfDoubleStart } from './double-starts.ts';
import type { AnswerChange } from './nearest-pass.ts';
import type { RunIndex } from './run-index.ts';
import { struckJobs } from './struck-jobs.ts';

/** Number of causes that are followed back in search of a user's line. */
const MAKERS_MAX = 10;

/** Maximum number of lines of code shown of decisions other than those that differ in the nearest passing execution. */
const DECIDED_MAX = 8;
/** Maximum number of decisions whose lines are looked for: an execution that was not shrunk may have thousands. */
const LOCATED_MAX = 100;
/** Maximum number of decisions named that were made at the same line. */
const NAMED_MAX = 3;

/**
 * The places that matter: first those of the decisions that differ in the nearest passing execution, last the line of
 * each other decision that is not the default, unless the same decisions have held before.
 */
export function placesOf(
  index: RunIndex,
  failure: Failure,
  passing: RunIndex | undefined,
  changes: readonly AnswerChange[],
  hasHeldBefore = false,
): SourcePlace[] {
  const [first, ...others] = changes;
  const differing = [
    ...(first === undefined ? [] : placesOfChange(index, passing, first)),
    ...others.flatMap((change) => placesOfChange(index, passing, change).map(nearestOnly)),
  ];
  return [
    ...differing,
    ...placesOfStarts(index, failure),
    ...placesOfHolder(index, failure),
    ...placesOfError(index, failure),
    ...(hasHeldBefore ? [] : otherDecisions(index, new Set(differing.map(placeKey)))),
  ];
}

/** Where the two events were set whose order matters, or where the decisive question was asked. */
function placesOfChange(
  failing: RunIndex,
  passing: RunIndex | undefined,
  change: AnswerChange,
): SourcePlace[] {
  const decision = observedIn(failing.run, change);
  if (decision === undefined) return [];
  const { due, answer } = decision;
  if (due.length === 0) return placesOfAsked(failing, decision);
  return [due[answer], due[change.answer]].flatMap((event) => {
    if (event === undefined) return [];
    // The event that was passed over may not have fired in the failing execution.
    const index = failing.run.firings.has(event.id) ? failing : passing;
    return index === undefined ? [] : placesOfEvent(index, event.id);
  });
}

function nearestOnly({ what, frames }: SourcePlace): SourcePlace {
  return { what, frames: frames.slice(0, 1) };
}

/** Distinguishes places: a label may be asked at several lines. */
function placeKey({ what, frames: [frame = ''] }: SourcePlace): string {
  return `${what}\n${frame}`;
}

/** The nearest line of each decision; those made at the same line share one. `shown` are the places shown already. */
function otherDecisions(index: RunIndex, shown: ReadonlySet<string>): SourcePlace[] {
  const byLine = new Map<string, string[]>();
  for (const decision of index.unusual.slice(0, LOCATED_MAX)) {
    const { due, answer } = decision;
    const picked = due[answer];
    // An order is decided where the picked event was set.
    const places = picked === undefined ? placesOfAsked(index, decision) : placesOfEvent(index, picked.id);
    for (const place of places) {
      if (shown.has(placeKey(place))) continue;
      const { what } = place;
      const [frame = ''] = place.frames;
      const names = byLine.get(frame);
      if (names === undefined) byLine.set(frame, [what]);
      else if (!names.includes(what)) names.push(what);
    }
  }
  return [...byLine]
    .slice(0, DECIDED_MAX)
    .map(([frame, names]) => ({ what: namesText(names), frames: [frame] }));
}

/** `"a" was decided` and `"b" was decided` as one clause. */
function namesText(names: readonly string[]): string {
  const [first = '', ...others] = names;
  if (others.length === 0) return first;
  const [, verb = ''] = /( was \w+)$/.exec(first) ?? [];
  const isShared = verb !== '' && names.every((name) => name.endsWith(verb));
  const subjects = isShared ? names.map((name) => name.slice(0, -verb.length)) : names;
  const shown = subjects.slice(0, subjects.length > NAMED_MAX + 1 ? NAMED_MAX : undefined);
  const more = subjects.length - shown.length;
  const list = more === 0 ? shown : [...shown, `${more} more`];
  return `${list.slice(0, -1).join(', ')} and ${list.at(-1) ?? ''}${isShared ? verb.replace(' was ', ' were ') : ''}`;
}

/** Where the question was asked; for a message, the user's line that it goes back to. */
function placesOfAsked(index: RunIndex, decision: ObservedDecision): SourcePlace[] {
  const { question, occurrence, drawn, asked, firingId } = decision;
  const stack = asked?.text;
  if (drawn !== undefined) return placeOf(`"${drawn.name}" was drawn`, stack);
  const message = messageAskedAbout(index.run, decision, index.args);
  if (message !== undefined) {
    return userPlaceOf(index, { what: message, was: ' was sent', stack, makerId: firingId });
  }
  const isChosen = question.kind === 'choice' || question.kind === 'draw';
  // Of faults the history counts moments with equal words instead.
  const which = question.kind === 'fault' ? '' : timeText(occurrence);
  return placeOf(`${actText(question)}${which} was ${isChosen ? 'decided' : 'requested'}`, stack);
}

function placesOfEvent(index: RunIndex, id: number): SourcePlace[] {
  const { run, names } = index;
  const event = run.firings.get(id);
  if (event === undefined) return [];
  const was = names.includesPlace(event) ? '' : ' was set';
  return userPlaceOf(index, { what: names.of(event), was, stack: event.place, makerId: event.cause });
}

/** An action, its stack, and the clock event that led to it. */
interface Done {
  readonly what: string;
  /** Follows `what` if its own line is shown: `was set`, `was sent`; empty if `what` already includes the line. */
  readonly was: string;
  readonly stack: string | undefined;
  readonly makerId: number;
}

/**
 * Where it was done; without a user's line there, where the clock event that caused it was set, or the cause of that.
 */
function userPlaceOf({ run, names }: RunIndex, { what, was, stack = '', makerId }: Done): SourcePlace[] {
  if (hasUserFrame(stack)) return placeOf(`${what}${was}`, stack);
  let maker = run.firings.get(makerId);
  for (let steps = 1; maker !== undefined && steps < MAKERS_MAX; steps += 1) {
    const { id, place = '', cause } = maker;
    if (hasUserFrame(place)) {
      const made = names.broughtBy(id) === undefined ? 'set' : 'sent';
      const which = names.includesPlace(maker) ? '' : `, which was ${made}`;
      return placeOf(`${what} goes back to ${names.of(maker)}${which}`, place);
    }
    maker = run.firings.get(cause);
  }
  return [];
}

/**
 * Where the runs were started that were struck, and the same work again: the first and the last. What was struck is
 * called by a runner, which no user's line leads to. Without any fault, where the same work was started twice.
 */
function placesOfStarts({ run, unusual }: RunIndex, failure: Failure): readonly SourcePlace[] {
  const { runners, isOf } = struckJobs(run);
  if (runners.size === 0) {
    if (unusual.some(({ question }) => question.kind === 'fault')) return [];
    return placesOfDoubleStart(run, subjectsOf(run, failure));
  }
  const places = run.steps.flatMap(({ done, stack }) => {
    if (!('type' in done) || done.type !== 'accepted' || !isOf(done)) return [];
    return placeOfStart(done, stack) ?? [];
  });
  return places.filter((_, at) => at === 0 || at === places.length - 1);
}

/** A leftover was mostly acquired by a runner on its own, so this is where the event that led to it was set. */
function placesOfHolder(index: RunIndex, failure: Failure): SourcePlace[] {
  const [first] = isAboutHolding(failure) ? index.held.unfreed : [];
  return first === undefined ? [] : placesOfEvent(index, first.firingId);
}

/** Where it was noticed; of a wait that could not be met any more, first where that began. */
function placesOfError(index: RunIndex, failure: Failure): SourcePlace[] {
  const began = placesOfHopelessWait(index, failure);
  const isOnlyOwn = !hasUserFrame(stackOf(failure.cause) ?? '');
  return began.length > 0 && isOnlyOwn ? began : [...began, ...placeWhereNoticed(failure)];
}

function placesOfHopelessWait(index: RunIndex, { cause }: Failure): SourcePlace[] {
  const wait = hopelessWaitOf(index.run, index.held, cause);
  if (wait === undefined) return [];
  const { target, step } = wait;
  const what = `the wait for ${target}`;
  return userPlaceOf(index, { what, was: ' began', stack: step.stack.text, makerId: step.firingId });
}

function placeWhereNoticed({ cause, kind }: Failure): SourcePlace[] {
  const stack = stackOf(cause);
  if (kind === 'error' || kind === 'leftovers') {
    return placeOf('the error was thrown', stack, framesOfThrower);
  }
  const reason = reasonOf(cause);
  const thrown =
    reason === undefined
      ? []
      : placeOf(`${errorNameOf(reason) ?? 'an error'} was thrown`, stackOf(reason), framesOfThrower);
  if (thrown.length > 0) return thrown;
  // The line of a check inside this package is not informative.
  return stack !== undefined && hasUserFrame(stack) ? placeOf('the failure was noticed', stack) : [];
}

/** The user's line that noticed it, in a few words; undefined if there is none. */
export function noticedIn({ cause }: Failure): string | undefined {
  const stack = stackOf(reasonOf(cause) ?? cause);
  return stack === undefined ? undefined : shortPlaceOf(stack);
}

/** The error behind a failure. Anything may be thrown, including an object that throws when inspected. */
function reasonOf(cause: unknown): Error | undefined {
  try {
    return cause instanceof Error && cause.cause instanceof Error ? cause.cause : undefined;
  } catch {
    return undefined;
  }
}
