/**
 * One process on a simulated machine: the world that its code lives in, and which of its effects are seen once it is
 * dead.
 */
import type { Clock } from '../kernel/clock.ts';
import { type Choices, type DescribeAnswer, isEndOfExecution } from '../kernel/decisions.ts';
import type { Question } from '../kernel/question.ts';
import type { RandomStream } from '../kernel/random.ts';
import { type ClockSkew, skewedClock } from '../kernel/skewed-clock.ts';
import { isEagerPromise } from '../model/maybe-promise.ts';
import type { ProcessHost, ProcessParts, StartedProcess } from '../model/process-host.ts';
import type { TraceEvent, Tracer } from '../model/trace-event.ts';
import { type BeforeEvent, type ClockOwner, NodeClock } from './node-clock.ts';
import type { SimulatedWorld } from './simulation.ts';

type ResourceEvent = Extract<TraceEvent, { readonly type: 'acquired' | 'freed' | 'abandoned' }>;

/** Callbacks from a process to its owner. */
export interface ProcessHooks {
  /**
   * Its code has thrown in an event, or in its start after a fault. `isAlive` is false if the process has ended since
   * then, or another one runs already. If this callback is absent, the event itself throws the error.
   */
  failed?(error: unknown, isAlive: boolean): void;
}

/** The parts from which a process is made. */
export interface NodeProcessOptions {
  readonly world: SimulatedWorld;
  /** The name of its machine. */
  readonly node: string;
  /** The name of the process: `NODE/INDEX`. */
  readonly name: string;
  readonly random: RandomStream;
  readonly skew: ClockSkew | undefined;
  readonly before: BeforeEvent;
  readonly hooks: ProcessHooks;
}

/** The choices and the tracer of a process. Invariant: a dead process asks and records nothing. */
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

  /** Trace times are simulation times, regardless of the process's clock. */
  record(event: TraceEvent): void {
    if (this.#isClosed) return;
    const { type } = event;
    if (type === 'acquired') (this.#held ??= []).push(event);
    else if (type === 'freed' || type === 'abandoned') this.#giveBack(event);
    this.#outside.tracer.record(this.#isSkewed ? { ...event, at: this.#outside.clock.now() } : event);
  }

  /** Closes the desk and records held resources as abandoned. */
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
 * One process of a node, from its start to its death, with the world that its code lives in. Invariant: nothing that a
 * dead process's code does is seen: its timers do not fire, its events are in no trace, its questions are not asked,
 * its errors are ignored, and what it held is recorded as abandoned.
 */
export class NodeProcess implements ClockOwner, ProcessParts {
  readonly name: string;
  readonly clock: NodeClock;
  readonly world: SimulatedWorld;
  readonly host: ProcessHost | undefined;
  readonly #desk: ProcessDesk;
  readonly #hosted: StartedProcess | undefined;
  readonly #hooks: ProcessHooks;
  isAlive = true;

  constructor({ world, node, name, random, skew, before, hooks }: NodeProcessOptions) {
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
      random,
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

  /** Runs code of the process; it stays the current process until the event is over. */
  run(code: () => unknown): void {
    if (!this.isAlive) return;
    this.#hosted?.enter();
    try {
      const result = code();
      // Nothing else awaits a promise that a callback returns.
      if (isEagerPromise(result)) {
        void result.then(undefined, (error: unknown) => this.#thrown(error));
      }
    } catch (error) {
      this.#thrown(error);
    }
  }

  /** Runs code of the process inside another process's event; throws what the code throws. */
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
    // An error that ends the execution is not the process's own.
    if (!this.catches || isEndOfExecution(error)) throw error;
    if (this.isAlive) this.fail(error);
  }
}
