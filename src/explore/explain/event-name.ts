/**
 * Names the clock events of one execution. Invariant: an event without a name of its own is named by the line that set
 * it, if places were captured; an event that has neither gets a generic name.
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

/** The noun for a timer of ambient time, with the name of its callback. */
function timerNoun({ owner, what }: Topic): string | undefined {
  if (typeof owner !== 'string' || !Object.hasOwn(NOUNS, owner)) return undefined;
  return `${NOUNS[owner as AmbientTimerKind]}${what === '' ? '' : ` "${what}"`}`;
}

/** The noun for an event that is named by the line that set it; undefined for an event with a name of its own. */
function setNoun(topic: Topic): string | undefined {
  return topic === SCENARIO_SLEEP ? 'sleep' : timerNoun(topic);
}

/** True for a timer or a sleep that is named by the line that set it. */
export function isSetByLine(topic: Topic): boolean {
  return setNoun(topic) !== undefined;
}

/**
 * Where a timer or a sleep was set. Most are set in the executor function of a `new Promise`, which has no name, and
 * source maps give it a wrong one. So the function that made the promise is named instead. Many programs have one
 * helper for all sleeps; then the line that called the helper is named too, and the helper by its name alone if it is
 * in the same file.
 */
function setterOf(stack: string): string | undefined {
  const [setter, ...callers] = userCallsOf(stack);
  if (setter === undefined) return undefined;
  const [maker] = setter.isExecutor ? callers : [];
  const rows = [setter.row, maker?.row];
  const caller = maker === undefined ? undefined : callers.find(({ row }) => !rows.includes(row));
  if (caller === undefined) return placeText({ name: (maker ?? setter).name, row: setter.row });
  if (maker?.name === undefined) return `at ${setter.row} called ${placeText(caller)}`;
  const row = fileOf(setter) === fileOf(caller) ? '' : ` (${setter.row})`;
  return `by ${maker.name}${row} ${placeText(caller)}`;
}

function fileOf({ row }: UserCall): string | undefined {
  return row.split(':')[0];
}

function placeText({ name, row }: Pick<UserCall, 'name' | 'row'>): string {
  return name === undefined ? `at ${row}` : `in ${name} (${row})`;
}

/** An execution, and the messages that its clock events deliver. */
interface NamedRun {
  readonly run: Pick<ObservedRun, 'firings' | 'asleep'>;
  readonly arrivals: Arrivals;
  /** Ids of runs that several runners have accepted. */
  readonly sharedRunIds: ReadonlySet<string>;
}

/** Names the clock events of one or two executions. */
export class EventNames {
  readonly #index: NamedRun;
  readonly #other: NamedRun | undefined;
  /** By the event: a stack is slow to read, and an event may be named many times. */
  readonly #names = new Map<number, string>();

  /** `other` is an execution with the same beginning, for events that did not fire in this one. */
  constructor(index: NamedRun, other?: NamedRun) {
    this.#index = index;
    this.#other = other;
  }

  /** The event in words. */
  of({ id, topic }: DueEvent): string {
    const name = this.#names.get(id) ?? this.#nameOf(id, topic);
    this.#names.set(id, name);
    return name;
  }

  #nameOf(id: number, topic: Topic): string {
    const noun = setNoun(topic);
    // Reading a stack is slow, and only these names need it.
    const stack = noun === undefined ? undefined : this.#stackOf(id);
    const setter = stack === undefined ? undefined : setterOf(stack);
    if (setter !== undefined) return `the ${noun} set ${setter}`;
    return this.#arrivalText(id, topic) ?? eventText(topic, (runId) => this.#index.sharedRunIds.has(runId));
  }

  /** True if its name says where it was set. */
  includesPlace({ id, topic }: DueEvent): boolean {
    const stack = setNoun(topic) === undefined ? undefined : this.#stackOf(id);
    return stack !== undefined && hasUserFrame(stack);
  }

  /** The message that this event delivers, if any. */
  broughtBy(id: number): MessageEvent | undefined {
    const { run, arrivals } = this.#index;
    return arrivals.broughtBy(id) ?? (run.firings.has(id) ? undefined : this.#other?.arrivals.broughtBy(id));
  }

  /** False if the name is a generic one, shared by many events. */
  isInformative({ id, topic }: DueEvent): boolean {
    const isNameless = topic === SCENARIO_SLEEP || (topic.what === '' && timerNoun(topic) !== undefined);
    const stack = isNameless ? this.#stackOf(id) : undefined;
    return !isNameless || (stack !== undefined && hasUserFrame(stack));
  }

  /** True for the arrival of a message and the end of a disk call: their cause has a line of its own. */
  isStep({ id, topic }: DueEvent): boolean {
    return this.#arrivalText(id, topic) !== undefined;
  }

  #arrivalText(id: number, topic: Topic): string | undefined {
    const { arrivals } = this.#index.run.firings.has(id) ? this.#index : (this.#other ?? this.#index);
    return arrivals.textOf(id, topic);
  }

  #stackOf(id: number): string | undefined {
    const { firings, asleep } = this.#index.run;
    return (firings.get(id) ?? this.#other?.run.firings.get(id))?.place ?? asleep.get(id)?.text;
  }
}
