/**
 * The clock contract on top of a clock of fake-timers, which a test ticks. Invariants: each pending event is one timer
 * of that clock, so a test that ticks, counts or clears timers sees these too; time never goes back; no event fires
 * early.
 *
 * The underlying clock counts whole milliseconds. An event between two of them fires at the later one, but sees its own
 * exact time there, as do the promise reactions that follow: a chain of sleeps of 2.5 ms does not drift.
 */
import { TIMER_MS_MAX } from '../kernel/int32.ts';
import { type Clock, fireEvent, type Timer } from '../kernel/clock.ts';
import type { Choices } from '../kernel/decisions.ts';
import { delayUsOf, LAST_TIME_US } from '../kernel/delay.ts';
import { bindContext } from '../kernel/drain-host.ts';
import { invalidArgument, RunnerError } from '../kernel/errors.ts';
import { EventQueue } from '../kernel/event-queue.ts';
import { microsecondsOf } from '../kernel/microseconds.ts';
import { topicOf, type Label } from '../kernel/question.ts';

/** The used subset of a `@sinonjs/fake-timers` clock; `createClock()` and `install()` return one. */
export interface FakeTimersClock {
  readonly now: number;
  readonly performance: { now(): number };
  duringTick?: boolean;
  setTimeout(callback: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
  setSystemTime(time?: number | Date): void;
  reset(): void;
  /** Absent on a clock of older versions that was created without being installed. */
  uninstall?(): unknown;
}

/** What has happened to a clock of fake-timers since it was first seen. */
interface Life {
  resets: number;
  /**
   * How far the real total is ahead of `performance.now()`, which a reset and a new system time both set back, in
   * milliseconds.
   */
  aheadMs: number;
  /**
   * Fraction of a millisecond at which the clock's whole milliseconds begin; timers are due at these. A reset or new
   * system time moves it, because fake-timers drops fractions then.
   */
  gridMs: number;
  isOver: boolean;
}

const lives = new WeakMap<FakeTimersClock, Life>();

/** The life of a clock. Wraps `reset`, `setSystemTime` and `uninstall`, because fake-timers has no event for them. */
function lifeOf(timers: FakeTimersClock): Life {
  const known = lives.get(timers);
  if (known !== undefined) return known;
  const life: Life = { resets: 0, aheadMs: 0, gridMs: 0, isOver: false };
  const reset = timers.reset.bind(timers);
  const setSystemTime = timers.setSystemTime.bind(timers);
  const uninstall = timers.uninstall?.bind(timers);
  const keepingTime = (change: () => void): void => {
    const nowMs = life.aheadMs + timers.performance.now();
    change();
    life.aheadMs = nowMs - timers.performance.now();
    life.gridMs = nowMs % 1;
  };
  timers.reset = () => {
    life.resets += 1;
    keepingTime(reset);
  };
  timers.setSystemTime = (time) => keepingTime(() => setSystemTime(time));
  if (uninstall !== undefined) {
    timers.uninstall = () => {
      life.isOver = true;
      return uninstall();
    };
  }
  lives.set(timers, life);
  return life;
}

/** Sets a timer; if `ms` is 0, at this very instant: during a tick, fake-timers would make it 1 ms. */
function setTimer(timers: FakeTimersClock, ms: number, ring: () => void): unknown {
  const { duringTick } = timers;
  if (ms > 0 || duringTick !== true) return timers.setTimeout(ring, ms);
  timers.duringTick = false;
  try {
    return timers.setTimeout(ring, ms);
  } finally {
    timers.duringTick = duringTick;
  }
}

/**
 * A timer of fake-timers. It was set for one event, but may ring for another, because the order of events that are due
 * together is a decision.
 */
interface Bell {
  event: PendingEvent;
  timer: unknown;
  /** True once an end-of-instant event has let the others of its instant go first. */
  hasWaited: boolean;
}

/** An event, as its creator holds it. */
class PendingEvent implements Timer {
  readonly row: number;
  readonly id: number;
  readonly timeUs: number;
  readonly isLate: boolean;
  bell: Bell | undefined;
  readonly #clock: FakeTimersTime;

  constructor(clock: FakeTimersTime, row: number, timeUs: number, isLate: boolean, id: number) {
    this.#clock = clock;
    this.row = row;
    this.timeUs = timeUs;
    this.isLate = isLate;
    this.id = id;
  }

  cancel(): void {
    if (this.bell !== undefined) this.#clock.cancel(this, this.bell);
  }
}

/**
 * A clock on top of one of fake-timers; `now()` starts at 0. `choices` decides the order of events that are due
 * together; without it they fire first-in-first-out.
 */
export class FakeTimersTime implements Clock {
  readonly epochMs: number;
  readonly #timers: FakeTimersClock;
  readonly #choices: Choices | undefined;
  readonly #life: Life;
  readonly #originUs: number;
  #resets: number;
  #queue = new EventQueue();
  /** Events by row of the queue. */
  #events: (PendingEvent | undefined)[] = [];
  #currentId = 0;
  /** The latest time that was shown, in microseconds. */
  #lastUs = 0;
  /**
   * The millisecond (of fake-timers) during which time stays at `#lastUs`, because an event that was due earlier
   * fires in it; -1 if none.
   */
  #heldMs = -1;
  #isReleaseSet = false;

  constructor(timers: FakeTimersClock, choices: Choices | undefined) {
    this.#timers = timers;
    this.#choices = choices;
    this.#life = lifeOf(timers);
    this.#resets = this.#life.resets;
    // A system time that was set may have a fraction, which `Date` does not show.
    this.epochMs = Math.floor(timers.now);
    this.#originUs = this.#rawUs();
  }

  now(): number {
    return this.#nowUs() / 1000;
  }

  timer(label: Label, ms: number, fire: () => void): Timer {
    return this.#add(label, delayUsOf(ms), fire, false);
  }

  post(label: Label, fire: () => void): Timer {
    return this.#add(label, 0, fire, false);
  }

  endOfInstant(label: Label, ms: number, fire: () => void): Timer {
    return this.#add(label, delayUsOf(ms), fire, true);
  }

  /** Removes an event that has not fired yet. */
  cancel(event: PendingEvent, bell: Bell): void {
    this.#followReset();
    if (this.#events[event.row] !== event) return;
    this.#take(event);
    this.#timers.clearTimeout(bell.timer);
  }

  /** Microseconds since that clock began, unaffected by changes of its `Date`. */
  #rawUs(): number {
    return microsecondsOf(this.#life.aheadMs + this.#timers.performance.now());
  }

  #nativeUs(): number {
    return this.#rawUs() - this.#originUs;
  }

  /** The millisecond of fake-timers that contains a time. */
  #tickOf(us: number): number {
    return Math.floor((us + this.#originUs - microsecondsOf(this.#life.gridMs)) / 1000);
  }

  #nowUs(): number {
    const nativeUs = this.#nativeUs();
    if (this.#heldMs === this.#tickOf(nativeUs)) return this.#lastUs;
    this.#lastUs = Math.max(this.#lastUs, nativeUs);
    return this.#lastUs;
  }

  #add(label: Label, delayUs: number, fire: () => void, isLate: boolean): Timer {
    if (typeof fire !== 'function') throw invalidArgument('fire', 'a function', fire);
    const topic = typeof label === 'string' ? label : topicOf(label);
    if (this.#life.isOver) {
      throw new RunnerError(
        'RUNNER_SIMULATION_MISUSE',
        'These fake timers have been uninstalled, so that nobody ticks them any more: release what runs in their world before ' +
          'clock.uninstall() or vi.useRealTimers(), and make a new world for new ones',
      );
    }
    this.#followReset();
    const timeUs = Math.min(this.#nowUs() + delayUs, LAST_TIME_US);
    const row = this.#queue.add(timeUs, isLate, this.#currentId, topic, bindContext(fire));
    const event = new PendingEvent(this, row, timeUs, isLate, this.#queue.lastId);
    const bell: Bell = { event, timer: undefined, hasWaited: false };
    this.#events[row] = event;
    event.bell = bell;
    this.#set(bell);
    return event;
  }

  /** Milliseconds of fake-timers until an event is due; 0 or less if it is due. */
  #leftMs({ timeUs }: PendingEvent): number {
    // Rounded up: it fires at the first whole millisecond that is not before its time.
    return this.#tickOf(timeUs + 999) - this.#tickOf(this.#nativeUs());
  }

  #set(bell: Bell): void {
    // As in Node, longer delays would count as 1 ms.
    const ms = Math.min(Math.max(0, this.#leftMs(bell.event)), TIMER_MS_MAX);
    bell.timer = setTimer(this.#timers, ms, () => this.#ring(bell));
  }

  #ring(bell: Bell): void {
    const { event } = bell;
    if (this.#leftMs(event) > 0) {
      this.#set(bell);
      return;
    }
    if (event.isLate && !bell.hasWaited) {
      bell.hasWaited = true;
      this.#set(bell);
      return;
    }
    const first = this.#first(event);
    if (first !== event) this.#swapBells(first, event);
    this.#fire(first);
  }

  /** Chooses the event that fires now that `event` is due. */
  #first(event: PendingEvent): PendingEvent {
    const queue = this.#queue;
    const n = queue.advance();
    const row = queue.pick(n > 1 && this.#choices !== undefined ? queue.choose(this.#choices, n) : 0);
    return this.#events[row] ?? event;
  }

  /** The bell of `rung` rings for `first`, so the bell of `first` has to ring for `rung` later. */
  #swapBells(first: PendingEvent, rung: PendingEvent): void {
    const { bell } = first;
    first.bell = rung.bell;
    rung.bell = bell;
    if (bell !== undefined) bell.event = rung;
  }

  #fire(event: PendingEvent): void {
    const nativeUs = this.#nativeUs();
    const isOnTime = this.#leftMs(event) === 0;
    this.#lastUs = Math.max(this.#lastUs, isOnTime ? event.timeUs : nativeUs);
    if (this.#lastUs < nativeUs) this.#holdTime(this.#tickOf(nativeUs));
    this.#currentId = event.id;
    fireEvent(this.#take(event));
  }

  /** Holds time until everything that this event leads to in its instant has happened. */
  #holdTime(ms: number): void {
    this.#heldMs = ms;
    if (this.#isReleaseSet) return;
    this.#isReleaseSet = true;
    setTimer(this.#timers, 0, () => {
      this.#isReleaseSet = false;
      this.#heldMs = -1;
    });
  }

  #take(event: PendingEvent): () => void {
    this.#events[event.row] = undefined;
    event.bell = undefined;
    return this.#queue.remove(event.row);
  }

  /** After a reset of fake-timers, forgets its own events too; time goes on. */
  #followReset(): void {
    if (this.#life.resets === this.#resets) return;
    this.#resets = this.#life.resets;
    this.#queue = new EventQueue();
    this.#events = [];
    this.#heldMs = -1;
    this.#isReleaseSet = false;
  }
}
