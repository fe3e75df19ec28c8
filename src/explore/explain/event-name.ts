/**
 * Names for the events of the clock of one execution. Invariant: an event without a name of its own is called by the line that set it,
 * where places were captured; one that is known by neither has no name that says anything.
 */
import type { Topic } from '../../kernel/question.ts';
import { SCENARIO_SLEEP } from '../../simulation/simulation.ts';
import type { DueEvent, ObservedRun } from './observed-run.ts';
import { eventText } from './question-text.ts';
import { shortPlaceOf } from './source-place.ts';

/** Timers of the machine's kind, as ambient time names those whose function has no name. */
const NAMELESS_TIMERS: ReadonlySet<string> = new Set(['setTimeout', 'setInterval', 'setImmediate']);

/** What it is, if it has no name of its own. */
function namelessKind(topic: Topic): string | undefined {
  if (topic === SCENARIO_SLEEP) return 'sleep';
  return NAMELESS_TIMERS.has(topic.text) ? topic.text : undefined;
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
    const kind = namelessKind(topic);
    const place = kind === undefined ? undefined : this.#placeOf(id);
    if (place === undefined) return eventText(topic);
    return `the ${kind} ${kind === 'sleep' ? place : withoutFunction(place)}`;
  }

  /** True if its name says more than that it is one of many. */
  isTelling({ id, topic }: DueEvent): boolean {
    return namelessKind(topic) === undefined || this.#placeOf(id) !== undefined;
  }

  #placeOf(id: number): string | undefined {
    const { place } = this.#run.firings.get(id) ?? this.#other?.firings.get(id) ?? {};
    return place === undefined ? undefined : shortPlaceOf(place);
  }
}
