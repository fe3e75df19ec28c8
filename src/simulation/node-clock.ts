/**
 * The time of one process on a simulated machine, which can be slow, be stopped and die. Invariants: nothing of it fires while it is
 * stopped or after it has died; what was due meanwhile fires when it goes on, in the order in which it was due; once dead it has no
 * event left in the clock underneath.
 */
import { checkDuration } from '../kernel/argument-check.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { roundedMs } from '../kernel/microseconds.ts';
import { topicOf, type Label, type Topic } from '../kernel/question.ts';

/** Called with what an event of the process is about just before it fires. It may stop or end the process. */
export type BeforeEvent = (topic: Topic) => void;

const DEAD_TIMER: Timer = Object.freeze({ cancel: () => undefined });

class NodeTimer implements Timer {
  readonly topic: Topic;
  readonly dueMs: number;
  readonly isLate: boolean;
  readonly fire: () => void;
  /** The event underneath; none while the process is stopped. */
  event: Timer | undefined = undefined;
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

/** See above. */
export class NodeClock implements Clock {
  readonly epochMs: number;
  readonly #clock: Clock;
  readonly #before: BeforeEvent;
  readonly #pending = new Set<NodeTimer>();
  #factor = 1;
  #isStopped = false;
  #isDead = false;

  constructor(clock: Clock, before: BeforeEvent) {
    this.epochMs = clock.epochMs;
    this.#clock = clock;
    this.#before = before;
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

  /** Timers that are made from now on take `factor` times as long. */
  slow(factor: number): void {
    this.#factor = factor;
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const timer of this.#pending) {
      timer.event?.cancel();
      timer.event = undefined;
    }
  }

  goOn(): void {
    if (!this.#isStopped || this.#isDead) return;
    this.#isStopped = false;
    // Those that are overdue fire in the same instant, whose order is a decision; they are made in the order in which they were due.
    const inOrder = [...this.#pending].sort((one, other) => one.dueMs - other.dueMs);
    const now = this.#clock.now();
    for (const timer of inOrder) this.#arm(timer, roundedMs(Math.max(0, timer.dueMs - now)));
  }

  /** Takes everything out, for good. */
  die(): void {
    this.#isDead = true;
    for (const timer of this.#pending) timer.event?.cancel();
    this.#pending.clear();
  }

  #add(label: Label, ms: number, fire: () => void, isLate: boolean): Timer {
    checkDuration('ms', ms);
    if (this.#isDead) return DEAD_TIMER;
    const delayMs = ms * this.#factor;
    const timer = new NodeTimer(topicOf(label), this.#clock.now() + delayMs, isLate, fire, this.#pending);
    if (!this.#isStopped) this.#arm(timer, delayMs);
    return timer;
  }

  #arm(timer: NodeTimer, delayMs: number): void {
    const fire = (): void => this.#fire(timer);
    timer.event = timer.isLate
      ? this.#clock.endOfInstant(timer.topic, delayMs, fire)
      : this.#clock.timer(timer.topic, delayMs, fire);
  }

  #fire(timer: NodeTimer): void {
    timer.event = undefined;
    this.#before(timer.topic);
    if (this.#isDead || this.#isStopped) return;
    this.#pending.delete(timer);
    timer.fire();
  }
}
