/**
 * Names for the events of the clock of one execution. Invariant: an event without a name of its own is called by the line that set it,
 * where places were captured; one that is known by neither has no name that says anything.
 */
import type { Topic } from '../../kernel/question.ts';
import type { AmbientTimerKind } from '../../simulation/ambience.ts';
import { SCENARIO_SLEEP } from '../../simulation/simulation.ts';
import type { DueEvent, ObservedRun } from './observed-run.ts';
import { eventText } from './question-text.ts';
import { shortPlaceOf } from './source-place.ts';

const NOUNS: Readonly<Record<AmbientTimerKind, string>> = {
  setTimeout: 'timer',
  setInterval: 'interval',
  setImmediate: 'immediate',
};

/** Of a timer of ambient time: what it is, with the name of the function that it calls. */
function timerNoun({ owner, what }: Topic): string | undefined {
  if (typeof owner !== 'string' || !Object.hasOwn(NOUNS, owner)) return undefined;
  return `${NOUNS[owner as AmbientTimerKind]}${what === '' ? '' : ` "${what}"`}`;
}

/** Most set a timer for a promise, in a function without a name, and source maps give those wrong ones. */
function withoutFunction(place: string): string {
  return place.replace(/^in .* \((.*)\)$/, 'at $1');
}

/** Names the events of one or two executions. */
export class EventNames {
  readonly #run: Pick<ObservedRun, 'firings'>;
  readonly #other: Pick<ObservedRun, 'firings'> | undefined;

  /** `other` is an execution with the same beginning, for events that did not fire in this one. */
  constructor(run: Pick<ObservedRun, 'firings'>, other?: Pick<ObservedRun, 'firings'>) {
    this.#run = run;
    this.#other = other;
  }

  /** The event in words. */
  of({ id, topic }: DueEvent): string {
    const place = this.#placeOf(id);
    if (place === undefined) return eventText(topic);
    if (topic === SCENARIO_SLEEP) return `the sleep ${place}`;
    const timer = timerNoun(topic);
    return timer === undefined ? eventText(topic) : `the ${timer} set ${withoutFunction(place)}`;
  }

  /** True if its name says more than that it is one of many. */
  isTelling({ id, topic }: DueEvent): boolean {
    const isNameless = topic === SCENARIO_SLEEP || (topic.what === '' && timerNoun(topic) !== undefined);
    return !isNameless || this.#placeOf(id) !== undefined;
  }

  #placeOf(id: number): string | undefined {
    const { place } = this.#run.firings.get(id) ?? this.#other?.firings.get(id) ?? {};
    return place === undefined ? undefined : shortPlaceOf(place);
  }
}
