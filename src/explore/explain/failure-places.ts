/** The source lines that matter: where what decided was made or asked, where what is left was taken, and where the failure was noticed. */
import type { Failure } from '../../simulation/verdict.ts';
import { EventNames } from './event-name.ts';
import { actText } from './question-text.ts';
import type { ObservedRun } from './observed-run.ts';
import { hasUserFrame, framesOfThrower, placeOf, shortPlaceOf, type SourcePlace } from './source-place.ts';
import type { EventInfo } from '../../kernel/event-queue.ts';
import { stackOf } from '../../kernel/errors.ts';
import { isAboutHolding, unfreedIn } from './held-resources.ts';
import { observedIn } from './nearest-history.ts';
import type { PassingLog } from './nearest-pass.ts';

/** How far back a line of the user is looked for. */
const MAKERS_MAX = 10;

/** The places that matter, the one of the nearest passing execution first. */
export function placesOf(
  run: ObservedRun,
  failure: Failure,
  passRun: ObservedRun | undefined,
  passLog: PassingLog | undefined,
): SourcePlace[] {
  return [
    ...placesThatMatter(run, passRun, passLog),
    ...placesOfHolder(run, failure),
    ...placeWhereNoticed(failure),
  ];
}

/** Where the two events were made whose order matters, or who asked what was decided. */
function placesThatMatter(
  failing: ObservedRun,
  passRun: ObservedRun | undefined,
  passLog: PassingLog | undefined,
): SourcePlace[] {
  const change = passLog?.changes[0];
  const decision = change === undefined ? undefined : observedIn(failing, change);
  if (change === undefined || decision === undefined) return [];
  const { due, answer, asked, drawn, question } = decision;
  if (due.length === 0) {
    const isChosen = question.kind === 'choice' || question.kind === 'draw';
    const done = drawn !== undefined ? 'drawn' : isChosen ? 'decided' : 'asked for';
    const what = drawn === undefined ? actText(question) : `"${drawn.name}"`;
    return placeOf(`${what} was ${done}`, asked?.text);
  }
  return [due[answer], due[change.answer]].flatMap((event) => {
    if (event === undefined) return [];
    // What was passed over may not have fired before the end of the failing execution.
    const run = failing.firings.has(event.id) ? failing : passRun;
    return run === undefined ? [] : placesOfEvent(run, event.id);
  });
}

/** Where an event was made; if no line of the user is there, where its maker was made, or the maker of that. */
function placesOfEvent(run: ObservedRun, id: number): SourcePlace[] {
  const { firings } = run;
  const names = new EventNames(run);
  const event = firings.get(id);
  if (event === undefined) return [];
  let maker: EventInfo | undefined = event;
  for (let steps = 0; maker !== undefined && steps < MAKERS_MAX; steps += 1) {
    const { place = '' } = maker;
    const what = maker === event ? '' : ` goes back to ${names.of(maker)}, which`;
    if (hasUserFrame(place)) return placeOf(`${names.of(event)}${what} was set`, place);
    maker = firings.get(maker.cause);
  }
  return placeOf(`${names.of(event)} was set`, event.place);
}

/** What is left was mostly taken by a runner on its own; the cause stands further up. */
function placesOfHolder(run: ObservedRun, failure: Failure): SourcePlace[] {
  const [first] = isAboutHolding(failure) ? unfreedIn(run.events) : [];
  return first === undefined ? [] : placesOfEvent(run, first.firingId);
}

function placeWhereNoticed({ cause, kind }: Failure): SourcePlace[] {
  const stack = stackOf(cause);
  if (kind === 'error' || kind === 'leftovers') {
    return placeOf('the error was thrown', stack, framesOfThrower);
  }
  const reason = reasonOf(cause);
  const thrown =
    reason === undefined ? [] : placeOf(`${reason.name} was thrown`, stackOf(reason), framesOfThrower);
  if (thrown.length > 0) return thrown;
  // A check of this package's own says nothing by its line.
  return stack !== undefined && hasUserFrame(stack) ? placeOf('the failure was noticed', stack) : [];
}

/** The line of the user's that noticed it, in a few words; undefined if none did. */
export function noticedIn({ cause }: Failure): string | undefined {
  const stack = stackOf(reasonOf(cause) ?? cause);
  return stack === undefined ? undefined : shortPlaceOf(stack);
}

/** The error that a failure was made of. Anything may be thrown, also what throws when it is looked at. */
function reasonOf(cause: unknown): Error | undefined {
  try {
    return cause instanceof Error && cause.cause instanceof Error ? cause.cause : undefined;
  } catch {
    return undefined;
  }
}
