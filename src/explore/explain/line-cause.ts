/**
 * The cause of a line of a history: the clock event that led to it, and when and by what that was set, where these have
 * informative names.
 */
import type { EventInfo } from '../../kernel/event-queue.ts';
import type { MessageEvent } from '../../model/message-text.ts';
import type { EventNames } from './event-name.ts';
import type { HistoryCandidate } from './history-candidate.ts';
import type { RunIndex } from './run-index.ts';

/** True for a clock event that the reader of a history knows by its time. */
export type IsKnownByTime = (event: EventInfo) => boolean;

/**
 * The cause as a phrase: `by the deadline of run 3, set at 5 ms by …`; generic names are left out, and the name of the
 * event that set it if that is known by its time.
 */
export function causeText(
  { run, names }: RunIndex,
  candidate: HistoryCandidate,
  isKnownByTime: IsKnownByTime = () => false,
): string | undefined {
  const { firingId, isFiring, event } = candidate;
  const firing = run.firings.get(firingId);
  if (firing === undefined) return undefined;
  const maker = run.firings.get(firing.cause);
  const set = setText(names, maker, isKnownByTime);
  if (event?.type === 'node' && event.step === 'restarted') {
    return maker !== undefined && maker.atMs < event.at ? set : undefined;
  }
  if (impliesCause(names, candidate, firing)) return undefined;
  const arrival = names.broughtBy(firingId);
  if (arrival !== undefined) return arrivalCauseText(names, candidate, { firing, maker, arrival });
  if (isFiring) return isInformativeMaker(names, maker) || firing.atMs > (maker?.atMs ?? 0) ? set : undefined;
  return firingCauseText(names, { firing, maker, set });
}

function firingCauseText(
  names: EventNames,
  {
    firing,
    maker,
    set,
  }: { readonly firing: EventInfo; readonly maker: EventInfo | undefined; readonly set: string },
): string | undefined {
  if (names.isStep(firing)) return `by ${names.of(firing)}`;
  if (names.isInformative(firing)) return `by ${names.of(firing)}, ${set}`;
  return isInformativeMaker(names, maker) ? `by an event ${set}` : undefined;
}

function isInformativeMaker(names: EventNames, maker: EventInfo | undefined): boolean {
  return maker !== undefined && names.isInformative(maker) && !names.isStep(maker);
}

function setText(names: EventNames, maker: EventInfo | undefined, isKnownByTime: IsKnownByTime): string {
  if (maker === undefined) return 'set at the start';
  const setAt = `set at ${maker.atMs} ms`;
  return !isInformativeMaker(names, maker) || isKnownByTime(maker) ? setAt : `${setAt} by ${names.of(maker)}`;
}

/**
 * True if the line implies its cause: the text of a node fault says when it strikes, and a disk step follows from the
 * call.
 */
function impliesCause(
  names: EventNames,
  { role, event, firingId }: HistoryCandidate,
  firing: EventInfo,
): boolean {
  if (role === 'decision' && event?.type === 'fault' && event.operation === 'node') return true;
  return event?.type === 'disk' && names.isStep(firing) && names.broughtBy(firingId) === undefined;
}

interface Arrival {
  readonly firing: EventInfo;
  readonly maker: EventInfo | undefined;
  readonly arrival: MessageEvent;
}

function arrivalCauseText(
  names: EventNames,
  { event, isFiring }: HistoryCandidate,
  { firing, maker, arrival }: Arrival,
): string | undefined {
  if (event === arrival || isFiring) {
    // The reply says when its call was made.
    if (maker === undefined || arrival.kind !== 'message') return undefined;
    return `sent at ${maker.atMs} ms${isInformativeMaker(names, maker) ? ` by ${names.of(maker)}` : ''}`;
  }
  // A reply to the call that arrived needs no cause.
  const isItsAnswer = event?.type === 'message' && event.id === arrival.id;
  return isItsAnswer ? undefined : `by ${names.of(firing)}`;
}
