/**
 * A simulated machine with one process on it: it can crash, be restarted as a new incarnation, be stopped and be slow. What the process is,
 * a runner or anything else, is up to who makes it. Invariants: one process at most is alive; nothing of one that is dead is seen.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import { type Choices, type DescribeAnswer, isEarlyEnd } from '../kernel/decisions.ts';
import { isRunnerError } from '../kernel/errors.ts';
import { roundedMs } from '../kernel/microseconds.ts';
import { topicOf, type Label, type Question, type Topic } from '../kernel/question.ts';
import type { RandomStream } from '../kernel/random.ts';
import { type ClockSkew, skewedClock, trueDelayMs } from '../kernel/skewed-clock.ts';
import type { EventOrigin } from '../kernel/virtual-clock.ts';
import type { CrashKind } from '../model/faults.ts';
import { isPending } from '../model/maybe-promise.ts';
import type { ProcessClock, ProcessHost, ProcessParts, StartedProcess } from '../model/process-host.ts';
import type { RunID } from '../model/run-status.ts';
import type { TraceEvent, Tracer } from '../model/trace-event.ts';
import {
  canStrike,
  type Moment,
  type MomentWords,
  type NodeFaults,
  NodeStrikes,
  type StrikeTarget,
} from './node-strikes.ts';
import type { SimulatedWorld } from './simulation.ts';

/** Called with what an event of the process is about just before it fires. It may stop or end the process. */
export type BeforeEvent = (topic: Topic) => void;

/** Whose clock it is. */
interface ClockOwner {
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

type ResourceEvent = Extract<TraceEvent, { readonly type: 'acquired' | 'freed' | 'abandoned' }>;

/** What the surroundings of a process are made of. */
interface NodeProcessOptions {
  readonly world: SimulatedWorld;
  /** The name of its machine. */
  readonly node: string;
  /** Names its random stream. */
  readonly name: string;
  readonly skew: ClockSkew | undefined;
  readonly before: BeforeEvent;
  readonly hooks: MachineHooks;
}

/** What a process asks and records. Invariant: once it is dead, it asks and records nothing. */
class ProcessDesk implements Choices, Tracer {
  readonly #outside: SimulatedWorld;
  readonly #isSkewed: boolean;
  #held: ResourceEvent[] | undefined;
  #isClosed = false;

  constructor(outside: SimulatedWorld, isSkewed: boolean) {
    this.#outside = outside;
    this.#isSkewed = isSkewed;
  }

  get keepsEvents(): boolean {
    return this.#outside.tracer.keepsEvents === true;
  }

  choose(asked: string | Question, n: number, describe?: DescribeAnswer): number {
    return this.#isClosed ? 0 : this.#outside.choices.choose(asked, n, describe);
  }

  /** Times in a trace are those of the simulation, whatever the clock of the process shows. */
  record(event: TraceEvent): void {
    if (this.#isClosed) return;
    const { type } = event;
    if (type === 'acquired') (this.#held ??= []).push(event);
    else if (type === 'freed' || type === 'abandoned') this.#giveBack(event);
    this.#outside.tracer.record(this.#isSkewed ? { ...event, at: this.#outside.clock.now() } : event);
  }

  /** What was held is abandoned. */
  static close(desk: ProcessDesk): void {
    desk.#isClosed = true;
    const { clock, tracer } = desk.#outside;
    const at = clock.now();
    for (const held of desk.#held ?? []) tracer.record({ ...held, type: 'abandoned', at });
    desk.#held = undefined;
  }

  #giveBack(event: ResourceEvent): void {
    const held = this.#held ?? [];
    const index = held.findIndex(
      ({ resource, name, runner, runId, owner }) =>
        resource === event.resource &&
        owner === event.owner &&
        name === event.name &&
        runner === event.runner &&
        runId === event.runId,
    );
    if (index >= 0) held.splice(index, 1);
  }
}

/**
 * One process of a node, from its start to its death: the world that its code lives in. Invariant: once it is dead, nothing that its
 * code still does is seen: its timers do not fire, its events are in no trace, its questions are not asked, what it throws is ignored, and
 * what it held is recorded as abandoned.
 */
class NodeProcess implements ClockOwner, ProcessParts {
  readonly name: string;
  readonly clock: NodeClock;
  readonly world: SimulatedWorld;
  readonly host: ProcessHost | undefined;
  readonly #desk: ProcessDesk;
  readonly #hosted: StartedProcess | undefined;
  readonly #hooks: MachineHooks;
  isAlive = true;

  constructor({ world, node, name, skew, before, hooks }: NodeProcessOptions) {
    this.name = name;
    this.#hooks = hooks;
    this.host = world.processes;
    this.#desk = new ProcessDesk(world, skew !== undefined);
    const base: Clock = skew === undefined ? world.clock : skewedClock(world.clock, skew);
    this.clock = new NodeClock(base, before, this);
    this.world = {
      node,
      clock: this.clock,
      choices: this.#desk,
      random: world.random.fork(name),
      tracer: this.#desk,
      onHeal: (hook) =>
        world.onHeal(() => {
          if (this.isAlive) hook();
        }),
      ...(world.waits === undefined ? {} : { waits: world.waits }),
    };
    this.#hosted = this.host?.begin(this);
  }

  get choices(): Choices {
    return this.#desk;
  }

  get random(): RandomStream {
    return this.world.random;
  }

  get catches(): boolean {
    return this.#hooks.failed !== undefined;
  }

  /** Its code runs, from here until the event is over. */
  run(code: () => unknown): void {
    if (!this.isAlive) return;
    this.#hosted?.enter();
    try {
      const result = code();
      // What a callback promises is awaited by nobody else.
      if (isPending(result)) {
        void result.then(undefined, (error: unknown) => this.#thrown(error));
      }
    } catch (error) {
      this.#thrown(error);
    }
  }

  /** Its code runs in the midst of somebody else's; what it throws comes out. */
  begin(code: () => void): void {
    if (this.#hosted === undefined || !this.catches) code();
    else this.#hosted.within(code);
  }

  die(): void {
    this.clock.die();
    this.#hosted?.end();
    this.isAlive = false;
    ProcessDesk.close(this.#desk);
  }

  fail(error: unknown): void {
    this.#hooks.failed?.(error, this.isAlive);
  }

  #thrown(error: unknown): void {
    // What ends the execution is none of its own.
    if (!this.catches || isEndOfExecution(error)) throw error;
    if (this.isAlive) this.fail(error);
  }
}

/** Thrown into code to end the execution, which code must not keep. */
export function isEndOfExecution(error: unknown): boolean {
  return isEarlyEnd(error) || isRunnerError(error, 'RUNNER_REPLAY_DIVERGED');
}

/** `down` from a crash to the restart. */
export type NodeState = 'up' | 'paused' | 'down';

/** What {@link Machine} takes. */
export interface MachineOptions {
  readonly name: string;
  /** What the exploration may do to it. Default: nothing. */
  readonly faults?: NodeFaults;
  /** Whether one question at each moment asks for all kinds of them, rather than one for each. Default false. */
  readonly isAskedOnce?: boolean;
  /** How far its clock is off. Default: not at all. */
  readonly skew?: ClockSkew;
}

/** How a process has ended: by a fault of its machine, by an error of its own, in good order, or because the simulation is over. */
export type DownCause = 'crash' | 'error' | 'leave' | 'stop';

/** What a machine asks of its owner, who knows what its process is. */
export interface MachineHooks {
  /** A process begins in that world: the `index`-th, from 0. What it throws comes out of the verb that started it. */
  started(world: SimulatedWorld, index: number): void;
  /** What a crash is now: of the whole machine, or of the process alone. Absent: of the whole machine. */
  readonly crashKind?: CrashKind;
  /** The process is dead. */
  wentDown(cause: DownCause): void;
  /** It goes on after a pause. */
  wentOn(): void;
  /**
   * Its code has thrown in an event, or as it started after a fault; or it is gone by now, and has left that uncaught before. Absent: what
   * it throws comes out of the event.
   */
  failed?(error: unknown, isAlive: boolean): void;
}

/** One machine. After a release its verbs do nothing. */
export class Machine implements StrikeTarget {
  readonly name: string;
  readonly #world: SimulatedWorld;
  readonly #skew: ClockSkew | undefined;
  readonly #hooks: MachineHooks;
  /** Only if something can strike. */
  readonly #strikes: NodeStrikes | undefined;
  readonly #before: BeforeEvent = (topic) => this.strike('event', topic);
  changes = 0;
  speedChanges = 0;
  state: NodeState = 'down';
  /** Index of the latest process. */
  incarnation = -1;
  #process: NodeProcess | undefined;
  #factor = 1;
  #isReleased = false;

  constructor(
    world: SimulatedWorld,
    { name, faults = {}, isAskedOnce = false, skew }: MachineOptions,
    hooks: MachineHooks,
  ) {
    this.name = name;
    this.#world = world;
    this.#skew = skew;
    this.#hooks = hooks;
    if (canStrike(faults)) this.#strikes = new NodeStrikes(world, this, faults, isAskedOnce);
    world.processes?.addMachine(this);
  }

  get crashKind(): CrashKind {
    return this.#hooks.crashKind ?? 'crash';
  }

  /** True if whatever its process does has to be in an event of its own. */
  get isAmbient(): boolean {
    return this.#world.processes?.isAmbient === true;
  }

  /** Starts the first process. */
  start(): void {
    // Who hears of the crash that a restart begins with may have ended it.
    if (this.#isReleased) return;
    this.incarnation += 1;
    const index = this.incarnation;
    const process = new NodeProcess({
      world: this.#world,
      node: this.name,
      name: `${this.name}/${index}`,
      skew: this.#skew,
      before: this.#before,
      hooks: this.#hooks,
    });
    process.clock.slow(this.#factor);
    this.#process = process;
    try {
      this.#hooks.started(process.world, index);
    } catch (error) {
      this.#kill('error');
      throw error;
    }
    // It may have ended itself.
    if (this.#process !== process) return;
    this.state = 'up';
    this.#showState();
  }

  /** Code of the process runs in an event that is not of its clock. */
  run(code: () => void): void {
    this.#process?.run(code);
  }

  /** The code of the process that is being started begins, in whatever event. */
  begin(code: () => void): void {
    this.#process?.begin(code);
  }

  crash(cause: 'crash' | 'error' = 'crash'): void {
    if (this.#isReleased || this.#process === undefined) return;
    if (cause === 'crash') this.traceFault('node', this.crashKind, '');
    this.#kill(cause);
  }

  restart(): void {
    if (this.#isReleased) return;
    this.crash();
    // Those who watch it may have started it again, or let it go for good.
    if (!this.#canStart) return;
    this.changes += 1;
    this.start();
  }

  get #canStart(): boolean {
    return !this.#isReleased && this.#process === undefined;
  }

  /** As `restart`, after a fault: nobody is there to catch what the start throws. */
  recover(): void {
    const hooks = this.#hooks;
    try {
      this.restart();
    } catch (error) {
      if (hooks.failed === undefined || isEndOfExecution(error)) throw error;
      hooks.failed(error, true);
    }
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
    this.speedChanges += 1;
    this.#factor = factor;
    this.#process?.clock.slow(factor);
  }

  /** A moment at which the exploration may strike; `words` of `about` say when that is, if the topic does not. */
  strike<T>(moment: Moment, what: Topic, words?: (about: T) => string, about?: T): void {
    if (this.state === 'up') this.#strikes?.at(moment, what, words as MomentWords | undefined, about);
  }

  /** Faults have ended. */
  heal(): void {
    this.#strikes?.heal();
  }

  /** The process goes on if it was stopped, and nothing strikes any more. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#strikes?.release();
    if (this.state === 'paused') this.#goOn();
  }

  /** The process is gone for good: that is no fault. */
  end(cause: 'leave' | 'stop'): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#strikes?.release();
    this.#kill(cause);
  }

  traceFault(operation: string, kind: string, runId: RunID): void {
    const { clock, tracer } = this.#world;
    tracer.record({ at: clock.now(), type: 'fault', runner: this.name, operation, kind, runId });
  }

  #kill(cause: DownCause): void {
    this.changes += 1;
    this.state = 'down';
    const process = this.#process;
    this.#process = undefined;
    process?.die();
    this.#hooks.wentDown(cause);
    this.#showState();
  }

  #goOn(): void {
    this.changes += 1;
    this.state = 'up';
    this.#process?.clock.goOn();
    this.#hooks.wentOn();
    this.#showState();
  }

  /** For reports. */
  describe(): string {
    return `${this.name} ${this.#stateText()}`;
  }

  #stateText(): string {
    const { name, state, incarnation } = this;
    if (state === 'down' && this.#isReleased) return 'gone';
    return state === 'up' ? `up (${name}/${incarnation})` : state;
  }

  #showState(): void {
    this.#world.watchServices?.node(this.name, this.#stateText());
  }
}
