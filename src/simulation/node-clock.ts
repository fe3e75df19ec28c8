/** The clock of one process on a simulated machine. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { type Clock, fireEvent, type Timer } from '../kernel/clock.ts';
import { invalidArgument } from '../kernel/errors.ts';
import { roundedMs } from '../kernel/microseconds.ts';
import { topicOf, type Label, type Topic } from '../kernel/question.ts';
import { trueDelayMs } from '../kernel/skewed-clock.ts';
import type { EventOrigin } from '../kernel/virtual-clock.ts';
import type { ProcessClock, ProcessHost } from '../model/process-host.ts';

/** Called with the topic of an event of the process just before it fires. It may pause or end the process. */
export type BeforeEvent = (topic: Topic) => void;

/** The process that owns a clock. */
export interface ClockOwner {
  /** Runs the callback of an event. */
  run(fire: () => unknown): void;
  /** The host of the process. Absent: queued events become ordinary timers, without their origin. */
  readonly host: ProcessHost | undefined;
}

const DEAD_TIMER: Timer = Object.freeze({ cancel: () => undefined });

class NodeTimer implements Timer {
  readonly topic: Topic;
  readonly dueMs: number;
  readonly isLate: boolean;
  readonly fire: () => void;
  /** The event in the underlying clock; none while the process is paused. */
  event: Timer | undefined = undefined;
  /** Where the event was queued before, if it waited elsewhere first. */
  origin: EventOrigin | undefined = undefined;
  readonly #pending: Set<NodeTimer>;

  constructor(topic: Topic, dueMs: number, isLate: boolean, fire: () => void, pending: Set<NodeTimer>) {
    this.topic = topic;
    this.dueMs = dueMs;
    this.isLate = isLate;
    this.fire = fire;
    this.#pending = pending;
    pending.add(this);
  }

  get isQueued(): boolean {
    return this.event !== undefined;
  }

  cancel(): void {
    this.event?.cancel();
    this.#pending.delete(this);
  }
}

/**
 * The clock of one process on a simulated machine, which can be slow, be paused and die. Invariants: no event fires
 * while the process is paused or after it has died; on resume, overdue events are due in one instant, and their order
 * is a decision, whose plain answer is the order in which they were due; a dead process has no event left in the
 * underlying clock.
 */
export class NodeClock implements Clock, ProcessClock {
  readonly epochMs: number;
  readonly #clock: Clock;
  readonly #before: BeforeEvent;
  readonly #owner: ClockOwner | undefined;
  /** Created for the first event. */
  #pending: Set<NodeTimer> | undefined;
  #factor = 1;
  #isStopped = false;
  #isDead = false;

  /** Without an owner, callbacks of events are called directly. */
  constructor(clock: Clock, before: BeforeEvent, owner?: ClockOwner) {
    this.epochMs = clock.epochMs;
    this.#clock = clock;
    this.#before = before;
    this.#owner = owner;
  }

  get currentEventId(): number {
    return this.#owner?.host?.clock.currentEventId ?? 0;
  }

  now(): number {
    return this.#clock.now();
  }

  timer(label: Label, ms: number, fire: () => void): Timer {
    return this.#add(label, ms, fire, false);
  }

  post(label: Label, fire: () => void): Timer {
    return this.#add(label, 0, fire, false);
  }

  endOfInstant(label: Label, ms: number, fire: () => void): Timer {
    return this.#add(label, ms, fire, true);
  }

  /** Schedules an event that has waited in a queue of its own; `atMs` is a time of this clock. */
  queued(label: Label, atMs: number, origin: EventOrigin, fire: () => void): Timer {
    if (this.#isDead) return DEAD_TIMER;
    const timer = new NodeTimer(topicOf(label), atMs, false, fire, (this.#pending ??= new Set()));
    timer.origin = origin;
    if (!this.#isStopped) this.#arm(timer, roundedMs(Math.max(0, atMs - this.#clock.now())));
    return timer;
  }

  /** Timers created from now on take `factor` times as long. */
  slow(factor: number): void {
    this.#factor = factor;
  }

  slowed(ms: number): number {
    return ms * this.#factor;
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const timer of this.#pending ?? []) {
      timer.event?.cancel();
      timer.event = undefined;
    }
  }

  resume(): void {
    if (!this.#isStopped || this.#isDead) return;
    this.#isStopped = false;
    // Events of one instant are in the order of their creation, unless a decision says otherwise.
    const inOrder = [...(this.#pending ?? [])].sort((one, other) => one.dueMs - other.dueMs);
    const now = this.#clock.now();
    for (const timer of inOrder) this.#arm(timer, roundedMs(Math.max(0, timer.dueMs - now)));
  }

  /** Removes all events, for good. */
  die(): void {
    this.#isDead = true;
    for (const timer of this.#pending ?? []) timer.event?.cancel();
    this.#pending = undefined;
  }

  #add(label: Label, ms: number, fire: () => void, isLate: boolean): Timer {
    if (!(ms >= 0 && ms < Infinity)) check('ms', ms, is.DURATION_MS);
    if (typeof fire !== 'function') throw invalidArgument('fire', 'a function', fire);
    if (this.#isDead) return DEAD_TIMER;
    const delayMs = ms * this.#factor;
    const timer = new NodeTimer(
      topicOf(label),
      this.#clock.now() + delayMs,
      isLate,
      fire,
      (this.#pending ??= new Set()),
    );
    if (!this.#isStopped) this.#arm(timer, delayMs);
    return timer;
  }

  #arm(timer: NodeTimer, delayMs: number): void {
    const fire = (): void => this.#fire(timer);
    const { origin } = timer;
    const outside = this.#owner?.host?.clock;
    if (origin !== undefined && outside !== undefined) {
      const atMs = outside.now() + trueDelayMs(this.#clock, delayMs);
      timer.event = outside.queued(timer.topic, atMs, origin, fire);
      return;
    }
    timer.event = timer.isLate
      ? this.#clock.endOfInstant(timer.topic, delayMs, fire)
      : this.#clock.timer(timer.topic, delayMs, fire);
  }

  #fire(timer: NodeTimer): void {
    timer.event = undefined;
    this.#before(timer.topic);
    // It is queued again if the process was paused and continues already.
    if (this.#isDead || this.#isStopped || timer.isQueued) return;
    this.#pending?.delete(timer);
    if (this.#owner === undefined) fireEvent(timer.fire);
    else this.#owner.run(() => fireEvent(timer.fire));
  }
}
