/** The time of one process on a simulated machine. */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { roundedMs } from '../kernel/microseconds.ts';
import { topicOf, type Label, type Topic } from '../kernel/question.ts';
import { trueDelayMs } from '../kernel/skewed-clock.ts';
import type { EventOrigin } from '../kernel/virtual-clock.ts';
import type { ProcessClock, ProcessHost } from '../model/process-host.ts';

/** Called with what an event of the process is about just before it fires. It may stop or end the process. */
export type BeforeEvent = (topic: Topic) => void;

/** Whose clock it is. */
export interface ClockOwner {
  /** Runs what an event does. */
  run(fire: () => void): void;
  /** Absent: nothing is queued. */
  readonly host: ProcessHost | undefined;
}

const DEAD_TIMER: Timer = Object.freeze({ cancel: () => undefined });

class NodeTimer implements Timer {
  readonly topic: Topic;
  readonly dueMs: number;
  readonly isLate: boolean;
  readonly fire: () => void;
  /** The event underneath; none while the process is stopped. */
  event: Timer | undefined = undefined;
  /** Where it comes from if it waited somewhere else before it was made. */
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

  cancel(): void {
    this.event?.cancel();
    this.#pending.delete(this);
  }
}

/**
 * The time of one process on a simulated machine, which can be slow, be stopped and die. Invariants: nothing of it fires while it is
 * stopped or after it has died; what was due meanwhile fires when it goes on, in the order in which it was due; once dead it has no
 * event left in the clock underneath.
 */
export class NodeClock implements Clock, ProcessClock {
  readonly epochMs: number;
  readonly #clock: Clock;
  readonly #before: BeforeEvent;
  readonly #owner: ClockOwner | undefined;
  /** Made for the first. */
  #pending: Set<NodeTimer> | undefined;
  #factor = 1;
  #isStopped = false;
  #isDead = false;

  /** Without an owner, what an event does is called. */
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

  /** For what waited in a queue of its own until now: it is due at that time of this clock. */
  queued(label: Label, atMs: number, origin: EventOrigin, fire: () => void): Timer {
    if (this.#isDead) return DEAD_TIMER;
    const timer = new NodeTimer(topicOf(label), atMs, false, fire, (this.#pending ??= new Set()));
    timer.origin = origin;
    if (!this.#isStopped) this.#arm(timer, roundedMs(Math.max(0, atMs - this.#clock.now())));
    return timer;
  }

  /** Timers that are made from now on take `factor` times as long. */
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

  goOn(): void {
    if (!this.#isStopped || this.#isDead) return;
    this.#isStopped = false;
    // Those that are overdue fire in the same instant, whose order is a decision; they are made in the order in which they were due.
    const inOrder = [...(this.#pending ?? [])].sort((one, other) => one.dueMs - other.dueMs);
    const now = this.#clock.now();
    for (const timer of inOrder) this.#arm(timer, roundedMs(Math.max(0, timer.dueMs - now)));
  }

  /** Takes everything out, for good. */
  die(): void {
    this.#isDead = true;
    for (const timer of this.#pending ?? []) timer.event?.cancel();
    this.#pending = undefined;
  }

  #add(label: Label, ms: number, fire: () => void, isLate: boolean): Timer {
    if (!(ms >= 0 && ms < Infinity)) check('ms', ms, is.DURATION_MS);
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
    if (this.#isDead || this.#isStopped) return;
    this.#pending?.delete(timer);
    if (this.#owner === undefined) timer.fire();
    else this.#owner.run(timer.fire);
  }
}
