/**
 * The clock contract on the machine's monotonic time. All events are in two queues behind one native timer. Invariants:
 * no event fires before its time, and an end-of-instant event only when no ordinary one is due; promise reactions and
 * ticks of one event run before the next event fires; an endless chain of events leaves the event loop its turns; input
 * that arrives from the machine before an event with a delay is due is handled before that event.
 */
import { TIMER_MS_MAX } from '../kernel/int32.ts';
import * as is from '../kernel/shape.ts';
import { AsyncResource } from 'node:async_hooks';
import { check } from '../kernel/argument-check.ts';
import { type Clock, fireEvent, type Timer } from '../kernel/clock.ts';
import { delayUsOf, LAST_TIME_US } from '../kernel/delay.ts';
import { isFastDrainExact, runReactions } from '../kernel/drain-fast.ts';
import { reachesMachine } from '../kernel/drain-real-functions.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { topicOf, type Label } from '../kernel/question.ts';

/** Options of {@link createSystemClock}. */
export interface SystemClockOptions {
  /**
   * False lets the Node process exit while only timers of this clock are left, as `unref` does. Default true: timers
   * keep it alive, because something waits for them. An idle runner sets none.
   */
  readonly keepsAlive?: boolean;
}

const SYSTEM_CLOCK_OPTIONS = is.optionsOf<SystemClockOptions>({}, { keepsAlive: is.BOOLEAN });

/**
 * Makes a clock on real time that starts at `now() === 0`.
 *
 * Due events fire in the order of their times, and events of `post` first in, first out. An error thrown by a callback
 * becomes an uncaught exception, as does a generator that it returns; the events after it still fire. A callback runs in
 * the async context in which it was registered.
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

/**
 * How many events may fire in one turn of the event loop. Node sends what a turn writes together at the end of the
 * turn: with one event per turn, a server over one runner makes 30 times as many writes for each action.
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
  /** Node has polled the machine for input since this time, or will before the next immediate runs. */
  #askedUs = 0;
  #native: NodeJS.Timeout | undefined;
  /** When the native timer fires; its event may have been cancelled meanwhile. */
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

  /**
   * Fires one event only: the timers may be a test's fake ones, which fire where promise reactions cannot run, and the
   * next event must wait for those.
   */
  #fireFirst(): void {
    try {
      this.#fireOne(Infinity);
    } finally {
      this.#arm();
    }
  }

  /**
   * Fires due events. Node polls for input between timers and immediates, so after a program was held up, by a busy
   * loop or SIGSTOP, the end of a command arrives before its deadline fires, whichever callback was busy. With fake
   * timers the order is up to the test.
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

  /** False if none is due, or the first due event has to wait until the machine has been polled. */
  #fireOne(askedUs: number): boolean {
    const nowUs = this.#nowUs();
    const due = this.#ordinary.firstUs <= nowUs ? this.#ordinary : this.#late;
    const { first } = due;
    if (first === undefined || first.timeUs > nowUs) return false;
    if (first.isDelayed && first.timeUs > askedUs) return false;
    due.shift()?.fire();
    return true;
  }

  /** With nothing pending, the clock must not keep the Node process alive. */
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
      // A native timer counts whole milliseconds and may be early; another one then waits for the rest.
      Math.min(Math.ceil(leftMs), TIMER_MS_MAX),
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

/** False under fake timers, and in a simulation in ambient time. */
function isOnMachine(): boolean {
  return reachesMachine('setTimeout') && reachesMachine('setImmediate');
}

/** False under fake timers: they may fire in a promise reaction, inside of which no other reactions run. */
function mayRunReactions(): boolean {
  return reachesMachine('setImmediate') && isFastDrainExact();
}

/** Saves registering a destroy hook, which is not needed. */
const RESOURCE = { requireManualDestroy: true };

/**
 * Binds a callback to the current async context, as `AsyncResource.bind` does, but without its deprecated property,
 * which costs more than the rest.
 */
function inContext(fire: () => void): () => void {
  const resource = new AsyncResource('dryrunner.timer', RESOURCE);
  return () => void resource.runInAsyncScope(fireEvent, undefined, fire);
}

const NOT_PENDING = -1;

/** A timer of the system clock. */
export class SystemTimer implements Timer {
  readonly timeUs: number;
  readonly order: number;
  readonly fire: () => void;
  /** False if it was already due when it was made, so that nothing can have delayed it. */
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
 * The pending timers of the system clock: a binary heap ordered by time and, for equal times, by creation. Invariant:
 * every pending timer knows its place in the heap, so that cancelling needs no search.
 */
export class SystemTimerHeap {
  readonly #timers: SystemTimer[] = [];
  readonly #onCancelled: () => void;
  #made = 0;

  /** `onCancelled` is called after each cancellation. */
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

  /** Removes and returns the first one. */
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

  /** Moves the hole at `place` down to the bottom and returns its new place. */
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
