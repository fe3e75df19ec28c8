/**
 * Node's timers in virtual time. As in Node, timers of the same duration form a list and fire in the order in which
 * they were set. Only the head of each list is an event of the clock, so the order among timers that are due together
 * is a decision between lists. Immediates form one list of the same kind, which by default comes after all timers that
 * are due. Some decisions give orders that Node rules out: it lets nothing come between two immediates of one turn, or
 * two timers of one list that were set together.
 */
import { TIMER_MS_MAX } from '../kernel/int32.ts';
import { type FailureFact, plainFact } from '../simulation/failure-fact.ts';
import { AsyncResource } from 'node:async_hooks';
import { framesOf } from '../explore/explain/source-place.ts';
import type { Timer } from '../kernel/clock.ts';
import type { TimerSetter } from '../kernel/drain-real-functions.ts';
import type { AmbientLeftover, AmbientTimerKind } from '../simulation/ambience.ts';
import type { AmbientTimer } from './hub.ts';
import { topicOf, type Topic } from '../kernel/question.ts';
import type { ProcessClock } from '../model/process-host.ts';

type Callback = (...args: unknown[]) => void;

/** Nobody here uses `destroy` of a resource, and detecting it costs a finalizer. */
const RESOURCE = { requireManualDestroy: true };

/** A timer or immediate that waits in a list. */
class Waiting extends AsyncResource {
  /** Its owner is the {@link AmbientTimerKind}, and `what` the name of the callback. */
  readonly topic: Topic;
  callback: Callback | undefined;
  readonly args: unknown[];
  cause = 0;
  place: Error | undefined;
  atMs = 0;
  list: WaitingList | undefined;
  next: Waiting | undefined;
  previous: Waiting | undefined;
  isRef = true;

  constructor(type: string, topic: Topic, callback: Callback, args: unknown[]) {
    super(type, RESOURCE);
    this.topic = topic;
    this.callback = callback;
    this.args = args;
  }

  ref(): this {
    this.isRef = true;
    return this;
  }

  unref(): this {
    this.isRef = false;
    return this;
  }

  hasRef(): boolean {
    return this.isRef;
  }

  run(): void {
    const { callback, args } = this;
    if (callback === undefined) return;
    if (args.length === 0) this.runInAsyncScope(callback, this);
    else this.runInAsyncScope(callback, this, ...args);
  }
}

/** The clock on which timers are events: that of the simulation, or that of a process, which may run slow. */
type TimerClock = Omit<ProcessClock, 'slowed' | 'epochMs'> & Partial<Pick<ProcessClock, 'slowed'>>;

/** Timers that fire one after the other. Only the first is an event of the clock. */
class WaitingList {
  first: Waiting | undefined;
  readonly #clock: TimerClock;
  #last: Waiting | undefined;
  #event: Timer | undefined;
  readonly #fire = (): void => this.#fireFirst();
  readonly #onFire: (waiting: Waiting) => void;
  readonly #behind: WaitingList | undefined;

  /** What waits in `behind` fires after all of these that are due, unless decided otherwise. */
  constructor(clock: TimerClock, onFire: (waiting: Waiting) => void, behind?: WaitingList) {
    this.#clock = clock;
    this.#onFire = onFire;
    this.#behind = behind;
  }

  append(waiting: Waiting): void {
    waiting.list = this;
    waiting.previous = this.#last;
    waiting.next = undefined;
    if (this.#last === undefined) {
      this.first = waiting;
      this.arm();
    } else this.#last.next = waiting;
    this.#last = waiting;
  }

  remove(waiting: Waiting): void {
    const { previous, next } = waiting;
    waiting.list = undefined;
    // Otherwise a timer that is garbage but in the old generation would retain all later ones, and everything they
    // hold, until the next full collection.
    waiting.next = undefined;
    waiting.previous = undefined;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    if (previous !== undefined) {
      previous.next = next;
      return;
    }
    this.first = next;
    this.disarm();
    this.arm();
  }

  /** Removes all of them. */
  clear(): void {
    this.disarm();
    let one = this.first;
    this.first = undefined;
    this.#last = undefined;
    while (one !== undefined) {
      const { next }: Waiting = one;
      one.list = undefined;
      one.next = undefined;
      one.previous = undefined;
      one = next;
    }
  }

  /** Takes its event out of the clock: nothing in the list fires until {@link arm}. */
  disarm(): void {
    this.#event?.cancel();
    this.#event = undefined;
  }

  arm(): void {
    const { first } = this;
    this.#event =
      first === undefined ? undefined : this.#clock.queued(first.topic, first.atMs, first, this.#fire);
  }

  #fireFirst(): void {
    const waiting = this.first as Waiting;
    this.#event = undefined;
    this.remove(waiting);
    this.#behind?.stayBehind(this.first);
    this.#onFire(waiting);
  }

  /** The event of a timer that is due now has just been added: this list's comes after it. */
  stayBehind(timer: Waiting | undefined): void {
    if (this.#event === undefined || timer === undefined || timer.atMs > this.#clock.now()) return;
    this.disarm();
    this.arm();
  }
}

/** The object that `setTimeout` and `setInterval` return; its name and methods are Node's. */
class Timeout extends Waiting implements AmbientTimer {
  readonly #timers: AmbientTimers;
  readonly #ms: number;
  #repeats: boolean;
  #number: number | undefined;

  constructor(timers: AmbientTimers, setter: TimerSetter, callback: Callback, ms: number, args: unknown[]) {
    super('Timeout', topicNamed(setter, callback), callback, args);
    this.#timers = timers;
    this.#ms = ms;
    this.#repeats = setter === 'setInterval';
  }

  get _idleTimeout(): number {
    return this.list === undefined ? -1 : this.#ms;
  }

  /** Ignored: written by an original `clearTimeout` that code kept from before. */
  set _idleTimeout(_: number) {}

  set _onTimeout(callback: Callback | null) {
    if (callback === null) this.close();
  }

  get _repeat(): number | null {
    return this.#repeats ? this.#ms : null;
  }

  get _destroyed(): boolean {
    return this.callback === undefined || (this.list === undefined && !this.#repeats);
  }

  get _onTimeout(): Callback | null {
    return this.callback ?? null;
  }

  /** @internal */
  static start(timeout: Timeout): void {
    timeout.#timers.wait(timeout, timeout.#ms);
  }

  /** @internal Fires the timer. An interval is set again after its callback has returned, as in Node. */
  static fire(timeout: Timeout): void {
    try {
      timeout.run();
    } finally {
      if (timeout.#repeats && timeout.callback !== undefined) {
        // Its callback may have called `refresh`: it comes after what the callback has set all the same.
        timeout.list?.remove(timeout);
        Timeout.start(timeout);
      } else if (timeout.list === undefined) timeout.#forget();
    }
  }

  refresh(): this {
    if (this.callback === undefined) return this;
    this.list?.remove(this);
    Timeout.start(this);
    return this;
  }

  close(): this {
    this.callback = undefined;
    this.#repeats = false;
    this.list?.remove(this);
    this.#forget();
    return this;
  }

  /** Drops its number, so that `clear` no longer finds it. */
  #forget(): void {
    if (this.#number !== undefined) this.#timers.forget(this.#number);
  }

  [Symbol.toPrimitive](): number {
    return (this.#number ??= this.#timers.numberOf(this));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  clearInSimulation(): void {
    this.close();
  }
}

/** The object that `setImmediate` returns. */
class Immediate extends Waiting implements AmbientTimer {
  /**
   * True, because an original `clearImmediate` that code kept from before would otherwise treat this as an entry of
   * Node's queue.
   */
  readonly _destroyed = true;

  constructor(callback: Callback, args: unknown[]) {
    super('Immediate', topicNamed('setImmediate', callback), callback, args);
  }

  /** False once it has run or was cleared. */
  override hasRef(): boolean {
    return this.isRef && this.list !== undefined;
  }

  clearInSimulation(): void {
    this.callback = undefined;
    this.list?.remove(this);
  }

  [Symbol.dispose](): void {
    this.clearInSimulation();
  }
}

const TOPICS_KEPT = 4_096;

/** By the name of the callback. A map per kind, because a joined key would be a new string for each timer. */
const topics: Readonly<Record<AmbientTimerKind, Map<string, Topic>>> = {
  setTimeout: new Map(),
  setInterval: new Map(),
  setImmediate: new Map(),
};

/** One topic for all timers whose callbacks have the same name. */
function topicNamed(kind: AmbientTimerKind, { name }: Callback): Topic {
  const named = topics[kind];
  const what = typeof name === 'string' ? name : '';
  let topic = named.get(what);
  if (topic === undefined) {
    if (named.size >= TOPICS_KEPT) named.clear();
    topic = topicOf({ owner: kind, what });
    named.set(what, topic);
  }
  return topic;
}

/**
 * Code reuses the same few durations, so an empty list is kept for the next timer of its duration until there are this
 * many lists.
 */
const LISTS_KEPT = 4_096;

/** Maximum number of places captured in one event: more say nothing new. */
const PLACES_MAX = 1_000;

/** All timers and immediates of one scenario or process. */
export class AmbientTimers {
  readonly #clock: TimerClock;
  readonly #capturesPlaces: boolean;
  /** By how long their timers take, which is longer than what code asked for while its process is slow. */
  readonly #lists = new Map<number, WaitingList>();
  readonly #immediates: WaitingList;
  readonly #numbers = new Map<number, Timeout>();
  readonly #beforeTimer: (() => void) | undefined;
  readonly #fire = (waiting: Waiting): void => {
    this.#beforeTimer?.();
    this.#firing = waiting;
    Timeout.fire(waiting as Timeout);
  };
  #listsKept = LISTS_KEPT;
  #lastNumber = 0;
  #isOver = false;
  #firing: Waiting | undefined;
  /** The event that sets timers, and how many it has set. */
  #placing = { event: -1, count: 0 };

  /** `beforeTimer` is called just before a timer fires; virtual time may pass in it. */
  constructor(clock: TimerClock, capturesPlaces: boolean, beforeTimer?: () => void) {
    this.#clock = clock;
    this.#beforeTimer = beforeTimer;
    this.#capturesPlaces = capturesPlaces;
    this.#immediates = new WaitingList(clock, (waiting) => {
      this.#firing = waiting;
      waiting.run();
    });
  }

  setTimer(setter: TimerSetter, callback: Callback, ms: unknown, args: unknown[]): NodeJS.Timeout {
    const timeout = new Timeout(this, setter, callback, durationOf(ms), args);
    Timeout.start(timeout);
    return timeout as unknown as NodeJS.Timeout;
  }

  setImmediate(callback: Callback, args: unknown[]): NodeJS.Immediate {
    const immediate = new Immediate(callback, args);
    this.#note(immediate, 0);
    if (!this.#isOver) this.#immediates.append(immediate);
    return immediate as unknown as NodeJS.Immediate;
  }

  /** @internal */
  wait(timeout: Timeout, ms: number): void {
    const delayMs = this.#clock.slowed?.(ms) ?? ms;
    this.#note(timeout, delayMs);
    if (this.#isOver) return;
    let list = this.#lists.get(delayMs);
    if (list === undefined) {
      if (this.#lists.size >= this.#listsKept) this.#dropEmptyLists();
      list = new WaitingList(this.#clock, this.#fire, this.#immediates);
      this.#lists.set(delayMs, list);
    }
    list.append(timeout);
  }

  /** Clears the timer with that number, if there is one. */
  clear(number: unknown): void {
    this.#numbers.get(Number(number))?.close();
  }

  /** @internal */
  forget(number: number): void {
    this.#numbers.delete(number);
  }

  /** @internal */
  numberOf(timeout: Timeout): number {
    this.#lastNumber += 1;
    this.#numbers.set(this.#lastNumber, timeout);
    return this.#lastNumber;
  }

  /** Every pending timer that would keep a process alive. */
  leftovers(): AmbientLeftover[] {
    const left = [...this.#lists.values(), this.#immediates].flatMap((list) => {
      const waiting: Waiting[] = [];
      for (let one = list.first; one !== undefined; one = one.next) if (one.isRef) waiting.push(one);
      return waiting;
    });
    return left.map((waiting) => {
      const { topic, atMs } = waiting;
      const stack = stackOf(waiting);
      const setter = topic.owner as AmbientTimerKind;
      return { setter, callback: topic.what, atMs, ...(stack === '' ? {} : { stack }) };
    });
  }

  /** The timer that is firing, or else the last that fired. */
  firing(): FailureFact | undefined {
    const firing = this.#firing;
    if (firing === undefined) return undefined;
    const stack = stackOf(firing);
    const text = `thrown when timer ${firing.topic.text} fired, due at ${firing.atMs} ms`;
    return plainFact(stack === '' ? text : `${text}, set here`, stack);
  }

  /** Holds the timers that are set now until {@link resume}; one that is set later may fire. */
  pause(): void {
    for (const list of [...this.#lists.values(), this.#immediates]) list.disarm();
  }

  /** Lets the timers that were held fire again. */
  resume(): void {
    for (const list of [...this.#lists.values(), this.#immediates]) {
      list.disarm();
      list.arm();
    }
  }

  /** Removes all timers for good. Timers that are set later never fire. */
  end(): void {
    this.#isOver = true;
    for (const list of [...this.#lists.values(), this.#immediates]) list.clear();
    this.#lists.clear();
  }

  /** Sets the next limit to twice the number of lists in use, so that scans of all lists stay rare. */
  #dropEmptyLists(): void {
    for (const [ms, { first }] of this.#lists) if (first === undefined) this.#lists.delete(ms);
    this.#listsKept = Math.max(LISTS_KEPT, 2 * this.#lists.size);
  }

  /** False for timers of an event that has set very many: a stack takes kilobytes. */
  #mayPlace(event: number): boolean {
    if (event !== this.#placing.event) this.#placing = { event, count: 0 };
    this.#placing.count += 1;
    return this.#placing.count <= PLACES_MAX;
  }

  #note(waiting: Waiting, delayMs: number): void {
    waiting.cause = this.#clock.currentEventId;
    waiting.atMs = this.#clock.now() + delayMs;
    // An interval keeps the place where it was first set.
    if (this.#capturesPlaces && waiting.place === undefined && this.#mayPlace(waiting.cause)) {
      waiting.place = new Error('place');
    }
  }
}

/** Where the timer was set; empty if that is not known. */
function stackOf({ place }: Waiting): string {
  const frames = place?.stack === undefined ? [] : framesOf(place.stack);
  return frames.map((frame) => `at ${frame}`).join('\n');
}

function durationOf(ms: unknown): number {
  // `Math.max` converts any value to a number and throws for what Node rejects; unlike `Number`, also for a bigint.
  const given = Math.max(ms as number);
  if (given > TIMER_MS_MAX) {
    const message = `${given} does not fit into a 32-bit signed integer.\nTimeout duration was set to 1.`;
    process.emitWarning(message, 'TimeoutOverflowWarning');
  }
  return given >= 1 && given <= TIMER_MS_MAX ? Math.trunc(given) : 1;
}
