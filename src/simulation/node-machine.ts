/**
 * A simulated machine with one process on it: it can crash, be restarted as a new incarnation, be stopped and be slow. What the process is,
 * a runner or anything else, is up to who makes it. Invariants: one process at most is alive; nothing of one that is dead is seen.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { roundedMs } from '../kernel/microseconds.ts';
import { topicOf, type Label, type Topic } from '../kernel/question.ts';
import { type ClockSkew, skewedClock } from '../kernel/skewed-clock.ts';
import type { RunID } from '../model/run-status.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import { type Moment, type NodeFaults, NodeStrikes, type StrikeTarget } from './node-strikes.ts';
import type { SimulatedWorld } from './simulation.ts';

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

/**
 * The time of one process on a simulated machine, which can be slow, be stopped and die. Invariants: nothing of it fires while it is
 * stopped or after it has died; what was due meanwhile fires when it goes on, in the order in which it was due; once dead it has no
 * event left in the clock underneath.
 */
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
    check('ms', ms, is.DURATION_MS);
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

type ResourceEvent = Extract<TraceEvent, { readonly type: 'acquired' | 'freed' | 'abandoned' }>;

/** What the surroundings of a process are made of. */
export interface NodeProcessOptions {
  readonly world: SimulatedWorld;
  /** The name of its machine. */
  readonly node: string;
  /** Names its random stream. */
  readonly name: string;
  readonly skew: ClockSkew | undefined;
  readonly before: BeforeEvent;
}

/**
 * One process of a node, from its start to its death: the world that its service lives in. Invariant: once it is dead, nothing that its
 * code still does is seen: its timers do not fire, its events are in no trace, its questions are not asked, and what it held is
 * recorded as abandoned.
 */
class NodeProcess {
  readonly clock: NodeClock;
  readonly world: SimulatedWorld;
  readonly #outside: SimulatedWorld;
  readonly #isSkewed: boolean;
  #held: ResourceEvent[] = [];
  #isAlive = true;

  constructor({ world, node, name, skew, before }: NodeProcessOptions) {
    this.#outside = world;
    this.#isSkewed = skew !== undefined;
    const base: Clock = skew === undefined ? world.clock : skewedClock(world.clock, skew);
    this.clock = new NodeClock(base, before);
    const { choices } = world;
    this.world = {
      node,
      clock: this.clock,
      choices: {
        choose: (question, n, describe) => (this.#isAlive ? choices.choose(question, n, describe) : 0),
      },
      random: world.random.fork(name),
      tracer: { record: (event) => this.#record(event) },
      onHeal: (hook) => world.onHeal(() => (this.#isAlive ? hook() : undefined)),
    };
  }

  die(): void {
    this.clock.die();
    this.#isAlive = false;
    const at = this.#outside.clock.now();
    for (const held of this.#held) this.#outside.tracer.record({ ...held, type: 'abandoned', at });
    this.#held = [];
  }

  /** Times in a trace are those of the simulation, whatever the clock of the process shows. */
  #record(event: TraceEvent): void {
    if (!this.#isAlive) return;
    const { type } = event;
    if (type === 'acquired') this.#held.push(event);
    else if (type === 'freed' || type === 'abandoned') this.#giveBack(event);
    this.#outside.tracer.record(this.#isSkewed ? { ...event, at: this.#outside.clock.now() } : event);
  }

  #giveBack(event: ResourceEvent): void {
    const index = this.#held.findIndex(
      ({ resource, name, runner, runId, owner }) =>
        resource === event.resource &&
        owner === event.owner &&
        name === event.name &&
        runner === event.runner &&
        runId === event.runId,
    );
    if (index >= 0) this.#held.splice(index, 1);
  }
}

/** `down` from a crash to the restart. */
export type NodeState = 'up' | 'paused' | 'down';

/** What {@link Machine} takes. */
export interface MachineOptions {
  readonly name: string;
  /** What the exploration may do to it. Default: nothing. */
  readonly faults?: NodeFaults;
  /** How far its clock is off. Default: not at all. */
  readonly skew?: ClockSkew;
}

/** What a machine asks of its owner, who knows what its process is. */
export interface MachineHooks {
  /** A process begins in that world: the `index`-th, from 0. What it throws comes out of the verb that started it. */
  started(world: SimulatedWorld, index: number): void;
  /** The process is dead. */
  wentDown(): void;
  /** It goes on after a pause. */
  wentOn(): void;
}

/** One machine. After a release its verbs do nothing. */
export class Machine implements StrikeTarget {
  readonly name: string;
  readonly #world: SimulatedWorld;
  readonly #skew: ClockSkew | undefined;
  readonly #hooks: MachineHooks;
  readonly #strikes: NodeStrikes;
  changes = 0;
  state: NodeState = 'down';
  /** Index of the latest process. */
  incarnation = -1;
  #process: NodeProcess | undefined;
  #factor = 1;
  #isReleased = false;

  constructor(world: SimulatedWorld, { name, faults = {}, skew }: MachineOptions, hooks: MachineHooks) {
    this.name = name;
    this.#world = world;
    this.#skew = skew;
    this.#hooks = hooks;
    this.#strikes = new NodeStrikes(world, this, faults);
  }

  /** Starts the first process. */
  start(): void {
    this.incarnation += 1;
    const index = this.incarnation;
    const process = new NodeProcess({
      world: this.#world,
      node: this.name,
      name: `${this.name}/${index}`,
      skew: this.#skew,
      before: (topic) => this.strike('event', topic),
    });
    process.clock.slow(this.#factor);
    this.#process = process;
    this.#hooks.started(process.world, index);
    this.state = 'up';
    this.#showState();
  }

  crash(): void {
    if (this.#isReleased || this.state === 'down') return;
    this.traceFault('node', 'crash', '');
    this.changes += 1;
    this.state = 'down';
    const process = this.#process;
    this.#process = undefined;
    process?.die();
    this.#hooks.wentDown();
    this.#showState();
  }

  restart(): void {
    if (this.#isReleased) return;
    this.crash();
    this.changes += 1;
    this.start();
  }

  pause(): void {
    if (this.#isReleased || this.state !== 'up') return;
    this.traceFault('node', 'pause', '');
    this.changes += 1;
    this.state = 'paused';
    this.#process?.clock.stop();
    this.#showState();
  }

  resume(): void {
    if (this.#isReleased || this.state !== 'paused') return;
    this.#goOn();
  }

  slow(factor: number): void {
    if (this.#isReleased) return;
    if (factor > 1) this.traceFault('node', 'slow', '');
    this.changes += 1;
    this.#factor = factor;
    this.#process?.clock.slow(factor);
  }

  /** A moment at which the exploration may strike. */
  strike(moment: Moment, what: Topic): void {
    if (this.state === 'up') this.#strikes.at(moment, what);
  }

  /** Faults have ended. */
  heal(): void {
    this.#strikes.heal();
  }

  /** The process goes on if it was stopped, and nothing strikes any more. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#strikes.release();
    if (this.state === 'paused') this.#goOn();
  }

  /** The process is gone in good order, for good: that is no fault. */
  end(): void {
    if (this.#isReleased) return;
    this.release();
    this.state = 'down';
    this.#process?.die();
    this.#process = undefined;
    this.#hooks.wentDown();
    this.#showState();
  }

  traceFault(operation: string, kind: string, runId: RunID): void {
    const { clock, tracer } = this.#world;
    tracer.record({ at: clock.now(), type: 'fault', runner: this.name, operation, kind, runId });
  }

  #goOn(): void {
    this.changes += 1;
    this.state = 'up';
    this.#process?.clock.goOn();
    this.#hooks.wentOn();
    this.#showState();
  }

  #showState(): void {
    const { name, state, incarnation } = this;
    this.#world.watchServices?.node(name, state === 'up' ? `up (${name}/${incarnation})` : state);
  }
}
