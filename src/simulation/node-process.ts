/** One process on a simulated machine: the world that its code lives in, and what of it is seen once it is dead. */
import type { Clock } from '../kernel/clock.ts';
import { type Choices, type DescribeAnswer, isEarlyEnd } from '../kernel/decisions.ts';
import { isRunnerError } from '../kernel/errors.ts';
import type { Question } from '../kernel/question.ts';
import type { RandomStream } from '../kernel/random.ts';
import { type ClockSkew, skewedClock } from '../kernel/skewed-clock.ts';
import { isPending } from '../model/maybe-promise.ts';
import type { ProcessHost, ProcessParts, StartedProcess } from '../model/process-host.ts';
import type { TraceEvent, Tracer } from '../model/trace-event.ts';
import { type BeforeEvent, type ClockOwner, NodeClock } from './node-clock.ts';
import type { SimulatedWorld } from './simulation.ts';

type ResourceEvent = Extract<TraceEvent, { readonly type: 'acquired' | 'freed' | 'abandoned' }>;

/** What a process asks of its owner. */
export interface ProcessHooks {
  /**
   * Its code has thrown in an event, or as it started after a fault; or it is gone by now, and has left that uncaught before. Absent: what
   * it throws comes out of the event.
   */
  failed?(error: unknown, isAlive: boolean): void;
}

/** What the surroundings of a process are made of. */
export interface NodeProcessOptions {
  readonly world: SimulatedWorld;
  /** The name of its machine. */
  readonly node: string;
  /** Names its random stream. */
  readonly name: string;
  readonly skew: ClockSkew | undefined;
  readonly before: BeforeEvent;
  readonly hooks: ProcessHooks;
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
export class NodeProcess implements ClockOwner, ProcessParts {
  readonly name: string;
  readonly clock: NodeClock;
  readonly world: SimulatedWorld;
  readonly host: ProcessHost | undefined;
  readonly #desk: ProcessDesk;
  readonly #hosted: StartedProcess | undefined;
  readonly #hooks: ProcessHooks;
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
