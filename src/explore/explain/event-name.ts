/**
 * Names for the events of the clock of one execution. Invariant: an event without a name of its own is called by the line that set it,
 * where places were captured; one that is known by neither has no name that says anything.
 */
import type { Topic } from '../../kernel/question.ts';
import type { AmbientTimerKind } from '../../simulation/ambience.ts';
import type { MessageEvent } from '../../model/message-text.ts';
import { SCENARIO_SLEEP } from '../../simulation/simulation.ts';
import type { Arrivals } from './arrivals.ts';
import type { DueEvent, ObservedRun } from './observed-run.ts';
import { eventText } from './question-text.ts';
import { hasUserFrame, userCallsOf, type UserCall } from './source-place.ts';

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

/** What the line that sets something names; undefined for an event that has a name of its own. */
function setNoun(topic: Topic): string | undefined {
  return topic === SCENARIO_SLEEP ? 'sleep' : timerNoun(topic);
}

/**
 * Where a timer or a sleep was set. Most are set by what `new Promise` is given, a function without a name, and source maps give those wrong ones, so
 * the name is that of the function that made the promise; many programs have one that does it for all, and then the line that called it
 * says more.
 */
function setterOf(stack: string): string | undefined {
  const [setter, ...callers] = userCallsOf(stack);
  if (setter === undefined) return undefined;
  const [maker] = setter.isExecutor ? callers : [];
  const rows = [setter.row, maker?.row];
  const caller = maker === undefined ? undefined : callers.find(({ row }) => !rows.includes(row));
  if (caller === undefined) return placeText({ name: (maker ?? setter).name, row: setter.row });
  const by = maker?.name === undefined ? `at ${setter.row} called` : `by ${maker.name} (${setter.row})`;
  return `${by} ${placeText(caller)}`;
}

function placeText({ name, row }: Pick<UserCall, 'name' | 'row'>): string {
  return name === undefined ? `at ${row}` : `in ${name} (${row})`;
}

/** An execution, and the messages that its clock events deliver. */
interface NamedRun {
  readonly run: Pick<ObservedRun, 'firings'>;
  readonly arrivals: Arrivals;
}

/** Names the events of one or two executions. */
export class EventNames {
  readonly #index: NamedRun;
  readonly #other: NamedRun | undefined;

  /** `other` is an execution with the same beginning, for events that did not fire in this one. */
  constructor(index: NamedRun, other?: NamedRun) {
    this.#index = index;
    this.#other = other;
  }

  /** The event in words. */
  of({ id, topic }: DueEvent): string {
    const stack = this.#stackOf(id);
    const noun = setNoun(topic);
    const setter = noun === undefined || stack === undefined ? undefined : setterOf(stack);
    if (setter !== undefined) return `the ${noun} set ${setter}`;
    return this.#arrivalText(id, topic) ?? eventText(topic);
  }

  /** True if its name says where it was set. */
  includesPlace({ id, topic }: DueEvent): boolean {
    const stack = setNoun(topic) === undefined ? undefined : this.#stackOf(id);
    return stack !== undefined && hasUserFrame(stack);
  }

  /** The message that comes with this event, if one does. */
  broughtBy(id: number): MessageEvent | undefined {
    const { run, arrivals } = this.#index;
    return arrivals.broughtBy(id) ?? (run.firings.has(id) ? undefined : this.#other?.arrivals.broughtBy(id));
  }

  /** True if its name says more than that it is one of many. */
  isTelling({ id, topic }: DueEvent): boolean {
    const isNameless = topic === SCENARIO_SLEEP || (topic.what === '' && timerNoun(topic) !== undefined);
    const stack = isNameless ? this.#stackOf(id) : undefined;
    return !isNameless || (stack !== undefined && hasUserFrame(stack));
  }

  /** True for the arrival of a message and the end of a call of a disk: why it was sent or made is a line of its own. */
  isStep({ id, topic }: DueEvent): boolean {
    return this.#arrivalText(id, topic) !== undefined;
  }

  #arrivalText(id: number, topic: Topic): string | undefined {
    const { arrivals } = this.#index.run.firings.has(id) ? this.#index : (this.#other ?? this.#index);
    return arrivals.textOf(id, topic);
  }

  #stackOf(id: number): string | undefined {
    return (this.#index.run.firings.get(id) ?? this.#other?.run.firings.get(id))?.place;
  }
}
