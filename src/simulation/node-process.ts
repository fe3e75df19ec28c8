/**
 * One process of a node, from its start to its death: the world that its service lives in. Invariant: once it is dead, nothing that its
 * code still does is seen: its timers do not fire, its events are in no trace, its questions are not asked, and what it held is
 * recorded as abandoned.
 */
import type { Clock } from '../kernel/clock.ts';
import { type ClockSkew, skewedClock } from '../kernel/skewed-clock.ts';
import type { TraceEvent } from '../model/trace-event.ts';
import { type BeforeEvent, NodeClock } from './node-clock.ts';
import type { SimulatedWorld } from './simulation.ts';

type ResourceEvent = Extract<TraceEvent, { readonly type: 'acquired' | 'freed' | 'abandoned' }>;

/** What the surroundings of a process are made of. */
export interface NodeProcessOptions {
  readonly world: SimulatedWorld;
  /** Names its random stream. */
  readonly name: string;
  readonly skew: ClockSkew | undefined;
  readonly before: BeforeEvent;
}

/** A process that is alive until `die`. */
export class NodeProcess {
  readonly clock: NodeClock;
  readonly world: SimulatedWorld;
  readonly #outside: SimulatedWorld;
  readonly #isSkewed: boolean;
  #held: ResourceEvent[] = [];
  #isAlive = true;

  constructor({ world, name, skew, before }: NodeProcessOptions) {
    this.#outside = world;
    this.#isSkewed = skew !== undefined;
    const base: Clock = skew === undefined ? world.clock : skewedClock(world.clock, skew);
    this.clock = new NodeClock(base, before);
    const { choices } = world;
    this.world = {
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
      ({ resource, name, runner, runId }) =>
        resource === event.resource &&
        name === event.name &&
        runner === event.runner &&
        runId === event.runId,
    );
    if (index >= 0) this.#held.splice(index, 1);
  }
}
