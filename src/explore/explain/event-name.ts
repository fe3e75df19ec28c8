/**
 * Names for the events of the clock of one execution. Invariant: an event without a name of its own is called by the line that set it,
 * where places were captured; one that is known by neither has no name that would tell anybody anything.
 */
import { ANONYMOUS_SLEEP, eventText } from './label-text.ts';
import type { DueEvent, ObservedRun } from './observed-run.ts';
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
  of({ id, label }: DueEvent): string {
    if (label !== ANONYMOUS_SLEEP) return eventText(label);
    const place = this.#placeOf(id);
    return place === undefined ? eventText(label) : `the sleep ${place}`;
  }

  /** True if its name says more than that it is one of many. */
  isTelling({ id, label }: DueEvent): boolean {
    return label !== ANONYMOUS_SLEEP || this.#placeOf(id) !== undefined;
  }

  #placeOf(id: number): string | undefined {
    const { place } = this.#run.firings.get(id) ?? this.#other?.firings.get(id) ?? {};
    return place === undefined ? undefined : shortPlaceOf(place);
  }
}
