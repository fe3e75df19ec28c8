/**
 * Names for the events of the clock of one execution. Invariant: an event without a name of its own is called by the line that set it,
 * where places were captured; one that is known by neither has no name that says anything.
 */
import { SCENARIO_SLEEP } from '../../simulation/simulation.ts';
import type { DueEvent, ObservedRun } from './observed-run.ts';
import { eventText } from './question-text.ts';
import { shortPlaceOf } from './source-place.ts';

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
    if (topic !== SCENARIO_SLEEP) return eventText(topic);
    const place = this.#placeOf(id);
    return place === undefined ? eventText(topic) : `the sleep ${place}`;
  }

  /** True if its name says more than that it is one of many. */
  isTelling({ id, topic }: DueEvent): boolean {
    return topic !== SCENARIO_SLEEP || this.#placeOf(id) !== undefined;
  }

  #placeOf(id: number): string | undefined {
    const { place } = this.#run.firings.get(id) ?? this.#other?.firings.get(id) ?? {};
    return place === undefined ? undefined : shortPlaceOf(place);
  }
}
