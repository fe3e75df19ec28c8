/**
 * The virtual clock: time is the time of the event that fired last, and jumps to that of the next one. Nothing here
 * waits; the driver of the clock (`drain.ts`) lets all promise reactions run between two steps. Invariant: time and
 * event ids never decrease, and the same calls with the same answers give the same order on every machine.
 */
import * as is from './shape.ts';
import { check, checkObject, unreadable } from './argument-check.ts';
import { type Clock, fireEvent, type Timer } from './clock.ts';
import type { Choices } from './decisions.ts';
import { delayUsOf, LAST_TIME_US } from './delay.ts';
import { chooseDrain } from './drain.ts';
import { invalidArgument } from './errors.ts';
import { EventQueue } from './event-queue.ts';
import type { EventInfo } from './event-queue.ts';
import { topicOf, type Label } from './question.ts';

/** 2000-01-01T00:00:00Z, the default start of virtual dates. */
const DEFAULT_EPOCH_MS = 946_684_800_000;
const NO_LISTENERS: readonly FireListener[] = Object.freeze([]);

type FireListener = (event: EventInfo, made: number, now: () => number) => void;

/** The origin of an event that waited elsewhere before it was put into the queue. */
export interface EventOrigin {
  /** Id of the event that was firing when it was created. */
  readonly cause: number;
  /** Captured where it was created, with four stack lines above the caller's; only if places are captured. */
  readonly place?: Error | undefined;
}

/** Options of {@link createVirtualClock}. */
export interface VirtualClockOptions {
  /** Decides the order of events that are due together; if absent, they fire in creation order. */
  readonly choices?: Choices;
  /** The date of virtual time 0, in milliseconds since the Unix epoch. Default: the start of 2000, UTC. */
  readonly epochMs?: number;
  /**
   * Captures the stack where each event was created, for reports; costs some 2 µs per event, and more for stacks that
   * are read. Default false.
   */
  readonly capturePlaces?: boolean;
  /**
   * Called for each event just before it fires; `now()` is already its time. `made` is the number of events created so
   * far: events that this one causes get ids from `made + 1`. `now` reads the clock, also later.
   */
  readonly onFire?: (event: EventInfo, made: number, now: () => number) => void;
}

const CLOCK_OPTIONS = is.optionsOf<VirtualClockOptions>(
  {},
  { choices: is.withMethods('choose'), epochMs: is.NUMBER, capturePlaces: is.BOOLEAN, onFire: is.FUNCTION },
);
const LIMIT = is.limit();
/** Any other time would break the invariants of the queue. */
const TIME_US = is.integer(0, LAST_TIME_US);

/** A pending event as its creator holds it. */
class VirtualTimer implements Timer {
  private readonly queue: EventQueue;
  private readonly row: number;
  private readonly id: number;

  /** Must be made before anything else is added to the queue. */
  constructor(queue: EventQueue, row: number) {
    this.queue = queue;
    this.row = row;
    this.id = queue.lastId;
  }

  cancel(): void {
    this.queue.cancel(this.row, this.id);
  }
}

/** Virtual time; create one with {@link createVirtualClock}. */
export class VirtualClock implements Clock {
  readonly epochMs: number;
  private readonly queue = new EventQueue();
  private readonly choices: Choices | undefined;
  /**
   * Called for each event that is created, with its row. One field for all listeners, because it is read for each
   * event.
   */
  private onMake: ((row: number) => void) | undefined;
  private onFire: FireListener | undefined;
  private listeners: readonly FireListener[] = NO_LISTENERS;
  /** The time that was read last, cached in milliseconds: a new number for each event of a trace would be garbage. */
  private readUs = NaN;
  private readMs: number | undefined = undefined;
  private readonly readNow = (): number => this.now();
  private firedCount = 0;
  private currentId = 0;

  constructor(options: VirtualClockOptions) {
    this.epochMs = options.epochMs ?? DEFAULT_EPOCH_MS;
    this.choices = options.choices;
    if (options.capturePlaces === true) {
      const notePlace = (row: number): void => this.queue.notePlace(row, new Error('place'));
      this.onMake = notePlace;
    }
    if (options.onFire !== undefined) this.listenWith([options.onFire]);
  }

  now(): number {
    const { nowUs } = this.queue;
    if (nowUs !== this.readUs) {
      this.readUs = nowUs;
      this.readMs = nowUs / 1000;
    }
    return this.readMs as number;
  }

  /** Microseconds since this clock began; an integer. */
  get nowUs(): number {
    return this.queue.nowUs;
  }

  /** Time of the next event in microseconds; `Infinity` if nothing is pending. */
  get nextTimeUs(): number {
    return this.queue.nextTimeUs;
  }

  /** Number of pending events. */
  get pending(): number {
    return this.queue.size;
  }

  /** Number of events created. */
  get made(): number {
    return this.queue.lastId;
  }

  /** Number of events fired. */
  get fired(): number {
    return this.firedCount;
  }

  /**
   * Id of the event that is firing or whose promise reactions are running: the cause of whatever happens now. 0 before
   * the first.
   */
  get currentEventId(): number {
    return this.currentId;
  }

  timer(label: Label, ms: number, fire: () => void): Timer {
    return this.add(label, this.timeAfter(ms), fire, false);
  }

  post(label: Label, fire: () => void): Timer {
    return this.add(label, this.queue.nowUs, fire, false);
  }

  endOfInstant(label: Label, ms: number, fire: () => void): Timer {
    return this.add(label, this.timeAfter(ms), fire, true);
  }

  /**
   * As `timer`, for an event that waited in another queue until now: it is due at `atMs`, or at once if that has
   * passed; among overdue events it fires in the order of their due times, but after those of a time that has begun to
   * fire. Its cause and place are those of its creation there.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for a time that is not a number, and for anything but an origin and a
   * function.
   */
  queued(label: Label, atMs: number, made: EventOrigin, fire: () => void): Timer {
    const { queue } = this;
    if (typeof fire !== 'function') throw invalidArgument('fire', 'a function', fire);
    if (!(atMs >= -Infinity)) throw invalidArgument('atMs', 'a number', atMs);
    const { cause, place } = originOf(made);
    const topic = typeof label === 'string' ? label : topicOf(label);
    const atUs = Math.min(Math.max(Math.round(atMs * 1000), queue.leastTimeUs), LAST_TIME_US);
    const row = queue.add(atUs, false, cause, topic, fire);
    const timer = new VirtualTimer(queue, row);
    this.onMake?.(row);
    if (place !== undefined) queue.notePlace(row, place);
    return timer;
  }

  /**
   * Fires exactly one event, after advancing time to it. Returns false, and does nothing, if nothing is pending. Throws
   * what the event's callback throws; the event counts as fired and the clock stays usable.
   */
  step(): boolean {
    const { queue } = this;
    const n = queue.advance();
    if (n === 0) return false;
    const row = queue.pick(n > 1 && this.choices !== undefined ? queue.choose(this.choices, n) : 0);
    this.firedCount += 1;
    this.currentId = queue.idOf(row);
    const info = this.onFire === undefined ? undefined : queue.describe(row);
    const fire = queue.remove(row);
    if (info !== undefined) this.onFire?.(info, queue.lastId, this.readNow);
    fireEvent(fire);
    return true;
  }

  /**
   * Advances time by `ms`: fires everything that is due until then, with promise reactions. For driving a clock by
   * hand; never needed inside a simulation.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` (as a rejection) if `ms` is negative or not finite.
   */
  async advanceBy(ms: number): Promise<void> {
    const untilUs = this.timeAfter(ms);
    await chooseDrain().run(() => (this.nextTimeUs <= untilUs && this.step() ? true : 'stop'));
    this.skipTo(untilUs);
  }

  /**
   * Fires events until nothing is pending, with all promise reactions in between, including events that real I/O adds
   * at the end.
   */
  async runUntilIdle(): Promise<void> {
    await chooseDrain().run(() => this.step());
  }

  /**
   * Advances time to `timeUs` if nothing is due until then; for driving the clock by hand.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if it is not an integer that is safe and not negative.
   */
  skipTo(timeUs: number): void {
    check('timeUs', timeUs, TIME_US);
    if (timeUs > this.queue.nowUs && timeUs < this.queue.nextTimeUs) this.queue.nowUs = timeUs;
  }

  /**
   * Advances time by `ms` without firing anything, as while a process stands still: events due until then fire late, at
   * the new time, in the order they were due.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `ms` is negative or not finite.
   */
  stall(ms: number): void {
    this.queue.pass(this.timeAfter(ms));
  }

  /** Adds a listener that is called for each event just before it fires. Returns a function that removes it. */
  addFireListener(listener: FireListener): () => void {
    check('listener', listener, is.FUNCTION);
    this.listenWith([...this.listeners, listener]);
    return () => this.listenWith(this.listeners.filter((other) => other !== listener));
  }

  /** Adds a listener that is called whenever an event is created. Returns a function that removes it. */
  addMakeListener(listener: () => void): () => void {
    check('listener', listener, is.FUNCTION);
    const { onMake } = this;
    let isOn = true;
    const added = (row: number): void => {
      onMake?.(row);
      if (isOn) listener();
    };
    this.onMake = added;
    return () => {
      isOn = false;
      if (this.onMake === added) this.onMake = onMake;
    };
  }

  /** True if one of the first `made` events has not fired yet. */
  hasPendingMadeBefore(made: number): boolean {
    return this.queue.hasUpTo(made);
  }

  /** True if one of the first `made` events is still to fire now, before those at the end of the instant. */
  hasDueMadeBefore(made: number): boolean {
    return this.queue.hasDueUpTo(made, this.queue.nowUs);
  }

  /** The first `limit` pending events, ordered by time and creation. */
  pendingEvents(limit: number = Infinity): EventInfo[] {
    check('limit', limit, LIMIT);
    return this.queue.sorted(limit);
  }

  /** The texts of the first `limit` pending events, ordered by time and creation. */
  pendingLabels(limit: number = Infinity): string[] {
    return this.pendingEvents(limit).map(({ topic }) => topic.text);
  }

  private listenWith(listeners: readonly FireListener[]): void {
    this.listeners = listeners;
    this.onFire =
      listeners.length < 2
        ? listeners[0]
        : (event, made, now) => {
            for (const listener of listeners) listener(event, made, now);
          };
  }

  private timeAfter(ms: number): number {
    const timeUs = this.queue.nowUs + delayUsOf(ms);
    return timeUs < LAST_TIME_US ? timeUs : LAST_TIME_US;
  }

  private add(label: Label, timeUs: number, fire: () => void, late: boolean): Timer {
    if (typeof fire !== 'function') throw invalidArgument('fire', 'a function', fire);
    const topic = typeof label === 'string' ? label : topicOf(label);
    const row = this.queue.add(timeUs, late, this.currentId, topic, fire);
    const timer = new VirtualTimer(this.queue, row);
    if (this.onMake !== undefined) this.onMake(row);
    return timer;
  }
}

/** Copies an origin that other code has created; only these fields, because this runs for each event. */
function originOf(made: EventOrigin): EventOrigin {
  checkObject('made', 'the origin of an event', made);
  try {
    return { cause: made.cause, place: made.place };
  } catch (error) {
    throw unreadable('made', made, error);
  }
}

/**
 * Creates a virtual clock at time 0 with nothing pending.
 *
 * @example
 * ```ts
 * import { createVirtualClock } from 'dryrunner/kernel';
 * const clock = createVirtualClock();
 * clock.timer('wake', 60_000, () => {});
 * clock.step();
 * if (clock.now() !== 60_000) throw new Error('time jumps');
 * ```
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` if `epochMs` is not finite.
 */
export function createVirtualClock(options: VirtualClockOptions = {}): VirtualClock {
  check('options', options, CLOCK_OPTIONS);
  return new VirtualClock(options);
}
