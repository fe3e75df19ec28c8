/**
 * Names for the events of the clock of one execution. Invariant: an event without a name of its own is called by the line that set it,
 * where places were captured; one that is known by neither has no name that says anything.
 */
import type { Topic } from '../../kernel/question.ts';
import type { AmbientTimerKind } from '../../simulation/ambience.ts';
import type { MessageEvent } from '../../model/message-text.ts';
import { SCENARIO_SLEEP } from '../../simulation/simulation.ts';
import { Arrivals } from './arrivals.ts';
import { CallArguments } from './call-arguments.ts';
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

type NamedRun = Pick<ObservedRun, 'events' | 'firings'>;

/** Names the events of one or two executions. */
export class EventNames {
  readonly #run: NamedRun;
  readonly #other: NamedRun | undefined;
  #arrivals: readonly Arrivals[] | undefined;

  /** `other` is an execution with the same beginning, for events that did not fire in this one. */
  constructor(run: NamedRun, other?: NamedRun) {
    this.#run = run;
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
  saysItsPlace({ id, topic }: DueEvent): boolean {
    const stack = setNoun(topic) === undefined ? undefined : this.#stackOf(id);
    return stack !== undefined && hasUserFrame(stack);
  }

  /** The message that comes with this event, if one does. */
  broughtBy(id: number): MessageEvent | undefined {
    const [first, second] = this.#allArrivals();
    return first?.broughtBy(id) ?? (this.#run.firings.has(id) ? undefined : second?.broughtBy(id));
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
    const [first, second] = this.#allArrivals();
    return (this.#run.firings.has(id) ? first : (second ?? first))?.textOf(id, topic);
  }

  #allArrivals(): readonly Arrivals[] {
    const other = this.#other;
    return (this.#arrivals ??= [
      new Arrivals(this.#run, new CallArguments(this.#run)),
      ...(other === undefined ? [] : [new Arrivals(other, new CallArguments(other))]),
    ]);
  }

  #stackOf(id: number): string | undefined {
    return (this.#run.firings.get(id) ?? this.#other?.firings.get(id))?.place;
  }
}
