/**
 * The clock contract on the machine's monotonic time. All events lie in two queues of its own behind one native timer. Invariants: no
 * event fires before its time, and an end-of-instant event only when no ordinary one is due; the promise reactions and ticks of one have
 * run before the next one fires; events that go on for ever leave the event loop its turns; what has come from the machine until an event
 * with a delay is due comes before it.
 */
import * as is from '../kernel/shape.ts';
import { AsyncResource } from 'node:async_hooks';
import { check } from '../kernel/argument-check.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { delayUsOf, LAST_TIME_US } from '../kernel/delay.ts';
import { isFastDrainExact, runReactions } from '../kernel/drain-fast.ts';
import { reachesMachine } from '../kernel/drain-real-functions.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { topicOf, type Label } from '../kernel/question.ts';

/** What {@link createSystemClock} takes. */
export interface SystemClockOptions {
  /**
   * False lets the Node process exit while nothing but timers of this clock is left, as `unref` does. By default they keep it
   * alive, because somebody waits for them: an idle runner sets none.
   */
  readonly keepsAlive?: boolean;
}

const SYSTEM_CLOCK_OPTIONS = is.optionsOf<SystemClockOptions>({}, { keepsAlive: is.BOOLEAN });

/**
 * Makes a clock on real time, at `now() === 0`.
 *
 * Events due together fire in the order of their times, those of `post` first-in-first-out. What a callback throws becomes an
 * uncaught exception; the events after it still fire. A callback runs in the async context in which it was registered.
 *
 * @example
 * ```ts
 * import { createSystemClock } from 'dryrunner/host';
 * const clock = createSystemClock();
 * await new Promise<void>((resolve) => clock.timer('short', 2, resolve));
 * if (clock.now() < 2) throw new Error('no timer fires early');
 * ```
 */
export function createSystemClock(options: SystemClockOptions = {}): Clock {
  check('options', options, SYSTEM_CLOCK_OPTIONS);
  return new SystemClock(options.keepsAlive ?? true);
}

/** Node takes longer delays for 1 ms. */
const NATIVE_DELAY_MS_MAX = 2_147_483_647;
/**
 * How many events may fire in one turn of the event loop. What a turn sends goes to the machine together at its end: with one event in each
 * turn, a server over one runner makes 30 times as many writes for each action.
 */
const EVENTS_PER_TURN = 64;

class SystemClock implements Clock {
  readonly epochMs: number = Date.now();
  readonly #originMs = performance.now();
  readonly #keepsAlive: boolean;
  readonly #ordinary = new SystemTimerHeap(() => this.#rest());
  readonly #late = new SystemTimerHeap(() => this.#rest());
  readonly #step = (): void => this.#fireMany();
  #immediate: NodeJS.Immediate | undefined;
  #isFiring = false;
  /** Node has asked the machine for its news since then, or does before the next immediate runs. */
  #askedUs = 0;
  #native: NodeJS.Timeout | undefined;
  /** When the native timer goes off; it may be for an event that was cancelled meanwhile. */
  #nativeUs = Infinity;

  constructor(keepsAlive: boolean) {
    this.#keepsAlive = keepsAlive;
  }

  now(): number {
    return this.#nowUs() / 1000;
  }

  timer(label: Label, ms: number, fire: () => void): Timer {
    return this.#add(label, ms, fire, this.#ordinary);
  }

  post(label: Label, fire: () => void): Timer {
    return this.#add(label, 0, fire, this.#ordinary);
  }

  endOfInstant(label: Label, ms: number, fire: () => void): Timer {
    return this.#add(label, ms, fire, this.#late);
  }

  #nowUs(): number {
    return Math.floor((performance.now() - this.#originMs) * 1000);
  }

  #add(label: Label, ms: number, fire: () => void, heap: SystemTimerHeap): Timer {
    const delayUs = delayUsOf(ms);
    if (typeof fire !== 'function') throw invalidArgument('fire', 'a function', fire);
    if (typeof label !== 'string') topicOf(label);
    const timeUs = Math.min(this.#nowUs() + delayUs, LAST_TIME_US);
    const timer = heap.add(timeUs, inContext(fire), delayUs > 0);
    this.#arm();
    return timer;
  }

  /** What else is due has to wait for its reactions: the machine's timers may be a test's, fired where reactions cannot be run. */
  #fireFirst(): void {
    try {
      this.#fireOne(Infinity);
    } finally {
      this.#arm();
    }
  }

  /**
   * Node asks the machine between its timers and its immediates. Of a program that was held up, by a busy loop or SIGSTOP, a command has so ended
   * before its deadline is over, whichever callback of the loop was busy. A test that holds the timers decides itself.
   */
  #fireMany(): void {
    this.#immediate = undefined;
    this.#isFiring = true;
    const askedUs = isOnMachine() ? this.#askedUs : Infinity;
    this.#askedUs = this.#nowUs();
    try {
      let left = mayRunReactions() ? EVENTS_PER_TURN : 1;
      while (this.#fireOne(askedUs) && --left > 0) runReactions();
    } finally {
      this.#isFiring = false;
      this.#arm();
    }
  }

  /** False if none is due, or the first one that is has to wait until the machine has been asked. */
  #fireOne(askedUs: number): boolean {
    const nowUs = this.#nowUs();
    const due = this.#ordinary.firstUs <= nowUs ? this.#ordinary : this.#late;
    const { first } = due;
    if (first === undefined || first.timeUs > nowUs) return false;
    if (first.isDelayed && first.timeUs > askedUs) return false;
    due.shift()?.fire();
    return true;
  }

  /** With nothing pending, nothing may keep the Node process alive. */
  #rest(): void {
    if (this.#ordinary.size + this.#late.size > 0) return;
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    this.#clearNative();
  }

  #arm(): void {
    const firstUs = Math.min(this.#ordinary.firstUs, this.#late.firstUs);
    if (firstUs === Infinity || this.#isFiring || this.#immediate !== undefined) return;
    const leftMs = (firstUs - this.#nowUs()) / 1000;
    if (leftMs <= 0) {
      this.#immediate = setImmediate(this.#step);
      return;
    }
    if (this.#nativeUs <= firstUs) return;
    this.#clearNative();
    this.#nativeUs = firstUs;
    this.#native = setTimeout(
      () => this.#onNative(),
      // A native timer counts whole milliseconds and may be early; then the rest is waited for by another one.
      Math.min(Math.ceil(leftMs), NATIVE_DELAY_MS_MAX),
    );
    if (!this.#keepsAlive) this.#native.unref();
  }

  #onNative(): void {
    this.#clearNative();
    if (!isOnMachine()) {
      this.#fireFirst();
      return;
    }
    this.#askedUs = this.#nowUs();
    this.#immediate ??= setImmediate(this.#step);
  }

  #clearNative(): void {
    clearTimeout(this.#native);
    this.#native = undefined;
    this.#nativeUs = Infinity;
  }
}

/** False where a test holds the timers, and in a simulation in ambient time. */
function isOnMachine(): boolean {
  return reachesMachine('setTimeout') && reachesMachine('setImmediate');
}

/** Not where a test holds the timers: it may fire them in a promise reaction, inside of which no others run. */
function mayRunReactions(): boolean {
  return reachesMachine('setImmediate') && isFastDrainExact();
}

/** No destroy hook is needed. */
const RESOURCE = { requireManualDestroy: true };

/** The callback in the async context of now, as `AsyncResource.bind` makes it, but for a deprecated property, which costs more than the rest. */
function inContext(fire: () => void): () => void {
  const resource = new AsyncResource('dryrunner.timer', RESOURCE);
  return () => resource.runInAsyncScope(fire);
}

const NOT_PENDING = -1;

/** A timer of the system clock. */
export class SystemTimer implements Timer {
  readonly timeUs: number;
  readonly order: number;
  readonly fire: () => void;
  /** False if it was due when it was made: nothing can have held it up. */
  readonly isDelayed: boolean;
  readonly #heap: SystemTimerHeap;
  place: number = NOT_PENDING;

  constructor(heap: SystemTimerHeap, timeUs: number, order: number, fire: () => void, isDelayed: boolean) {
    this.#heap = heap;
    this.timeUs = timeUs;
    this.order = order;
    this.fire = fire;
    this.isDelayed = isDelayed;
  }

  cancel(): void {
    if (this.place !== NOT_PENDING) this.#heap.remove(this);
  }
}

/**
 * The pending timers of the system clock: a binary heap in the order of time and, at one time, of making. Invariant: every
 * pending timer knows its place in the heap, so that cancelling needs no search.
 */
export class SystemTimerHeap {
  readonly #timers: SystemTimer[] = [];
  readonly #onCancelled: () => void;
  #made = 0;

  /** `onCancelled` is called after each cancelling. */
  constructor(onCancelled: () => void) {
    this.#onCancelled = onCancelled;
  }

  get size(): number {
    return this.#timers.length;
  }

  get first(): SystemTimer | undefined {
    return this.#timers[0];
  }

  /** When the first one is due; `Infinity` if there is none. */
  get firstUs(): number {
    return this.#timers[0]?.timeUs ?? Infinity;
  }

  add(timeUs: number, fire: () => void, isDelayed = true): SystemTimer {
    const timer = new SystemTimer(this, timeUs, ++this.#made, fire, isDelayed);
    this.#timers.push(timer);
    this.#rise(timer, this.#timers.length - 1);
    return timer;
  }

  /** Takes the first one out. */
  shift(): SystemTimer | undefined {
    const [first] = this.#timers;
    if (first !== undefined) this.#take(first);
    return first;
  }

  remove(timer: SystemTimer): void {
    this.#take(timer);
    this.#onCancelled();
  }

  #take(timer: SystemTimer): void {
    const { place } = timer;
    const last = this.#timers.pop() as SystemTimer;
    timer.place = NOT_PENDING;
    if (last !== timer) this.#rise(last, this.#sink(place));
  }

  /** Opens the hole at `place` downwards to the bottom and gives its new place. */
  #sink(place: number): number {
    for (let hole = place; ;) {
      const left = this.#timers[2 * hole + 1];
      const right = this.#timers[2 * hole + 2];
      const child = right !== undefined && left !== undefined && precedes(right, left) ? right : left;
      if (child === undefined) return hole;
      const next = child.place;
      this.#put(child, hole);
      hole = next;
    }
  }

  /** Puts `timer` into the hole at `place`, or above it. */
  #rise(timer: SystemTimer, place: number): void {
    let hole = place;
    while (hole > 0) {
      const parent = this.#timers[(hole - 1) >> 1] as SystemTimer;
      if (!precedes(timer, parent)) break;
      const next = parent.place;
      this.#put(parent, hole);
      hole = next;
    }
    this.#put(timer, hole);
  }

  #put(timer: SystemTimer, place: number): void {
    this.#timers[place] = timer;
    timer.place = place;
  }
}

function precedes(a: SystemTimer, b: SystemTimer): boolean {
  return a.timeUs === b.timeUs ? a.order < b.order : a.timeUs < b.timeUs;
}
