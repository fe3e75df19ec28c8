/**
 * A runner process on a simulated machine behind a network: it can crash, be restarted as a new incarnation, be stopped and be slow.
 * Invariants: one process at most is alive; who calls never sees an answer of a process that has died; after a release nothing of the
 * node is left (R204).
 */
import {
  checkFunction,
  checkLimit,
  checkMethods,
  checkOptions,
  checkRecord,
} from '../kernel/argument-check.ts';
import { choosesFault } from '../kernel/decisions.ts';
import { invalidArgument } from '../kernel/errors.ts';
import type { ClockSkew } from '../kernel/skewed-clock.ts';
import { type Service, watchedService } from '../model/service.ts';
import { checkWorld } from '../model/world.ts';
import {
  type NodeFaults,
  callWords,
  checkSlowFactor,
  type Moment,
  NodeStrikes,
  type StrikeTarget,
} from './node-strikes.ts';
import type { SimulatedWorld, Simulation } from './simulation.ts';
import { InterceptedService } from '../call/intercept-service.ts';
import { makeCall } from '../call/service-call.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Topic } from '../kernel/question.ts';
import { callFaultText } from '../model/faults.ts';
import type { RunID } from '../model/run-status.ts';
import type { Tracer } from '../model/trace-event.ts';
import { type NetworkCall, SentCall } from '../network/sent-call.ts';
import { type CallHost, NodeCalls } from './node-calls.ts';
import { NodeProcess } from './node-process.ts';

/** Who starts: what `start` names its runner by. */
export interface NodeIncarnation {
  /** 0 for the first process of the node, and one more with each restart. */
  readonly index: number;
  /** `NODE/INDEX`, for the `name` of its runner. */
  readonly name: string;
  /** For the `idPrefix` of its runner: different in each incarnation (R45), unless `reusesIds`. */
  readonly idPrefix: string;
}

/** What {@link createNode} takes. */
export interface NodeOptions<S extends Service> {
  /** Letters, digits, dots, dashes and underscores: it names runs, and those name outputs. */
  readonly name: string;
  /**
   * Starts the process. What it makes in `world` dies with it; what it makes in the world of the simulation, such as a disk or a
   * database, does not.
   */
  readonly start: (world: SimulatedWorld, incarnation: NodeIncarnation) => S;
  /** What the exploration may do to it. Default: nothing. */
  readonly faults?: NodeFaults;
  /** How far its clock is off. Default: not at all. */
  readonly skew?: ClockSkew;
  /** Gives every incarnation the same ids: the defect that R45 is about, to see who notices. Default false. */
  readonly reusesIds?: boolean;
  /** How long a caller whose call was lost in a crash can hang before it learns so; `Infinity` for ever. Default 60,000. */
  readonly hangMs?: number;
}

const HANG_MS: number = 60_000;
const NAME = /^[\w.-]+$/;

/** @throws RunnerError `RUNNER_INVALID_ARGUMENT` for options that make no sense, and for anything but a simulation. */
function checkNodeOptions<S extends Service>(sim: Pick<Simulation, 'world'>, options: NodeOptions<S>): void {
  checkRecord('sim', 'a simulation', sim);
  checkWorld(sim.world);
  checkFunction('sim.world.onHeal', sim.world.onHeal);
  checkMethods('sim.world.tracer', sim.world.tracer, ['record']);
  checkOptions(options);
  const { name, start, hangMs = HANG_MS } = options;
  if (!(typeof (name as unknown) === 'string' && NAME.test(name))) {
    throw invalidArgument('name', 'letters, digits, dots, dashes and underscores', name);
  }
  checkFunction('start', start);
  checkLimit('hangMs', hangMs);
}

/** `down` from a crash to the restart. */
export type NodeState = 'up' | 'paused' | 'down';

/** A node as its callers see it, and its verbs. After a release the verbs do nothing. */
export interface Node<S extends Service = Service> extends Service {
  readonly name: string;
  readonly state: NodeState;
  /** Index of the latest incarnation. */
  readonly incarnation: number;
  /** The service of the process itself, past the network; undefined while it is down. */
  readonly service: S | undefined;
  /**
   * Ends the process at once. What it held is abandoned, its timers are gone, and each call that it has not answered is lost: it
   * rejects with `RUNNER_INJECTED_FAULT` at once, or after `hangMs`, a cancel, healing or a release: a decision
   * `NODE OPERATION SUBJECT hang fault`.
   */
  crash(): void;
  /** Starts a new incarnation; crashes the old one if it is alive. */
  restart(): void;
  /** Stops the process: its timers do not fire and calls wait until it goes on. */
  pause(): void;
  /** Lets it go on: what was due meanwhile is due now. */
  resume(): void;
  /**
   * Timers that are made from now on, also by later incarnations, take `factor` times as long; 1 is the usual speed.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless it is finite and ≥ 1.
   */
  slow(factor: number): void;
}

class SimulatedNode<S extends Service> extends InterceptedService implements Node<S>, CallHost, StrikeTarget {
  readonly name: string;
  readonly hangMs: number;
  readonly #world: SimulatedWorld;
  readonly #options: NodeOptions<S>;
  readonly #calls: NodeCalls;
  readonly #strikes: NodeStrikes;
  changes = 0;
  state: NodeState = 'down';
  incarnation = -1;
  service: S | undefined = undefined;
  #process: NodeProcess | undefined;
  #factor = 1;
  #released: Promise<void> | undefined;

  constructor(world: SimulatedWorld, options: NodeOptions<S>) {
    super(
      (call) => makeCall(this.service as S, call),
      async (call, goOn) => this.#calls.pass(new SentCall(call as NetworkCall, this.name, this.clock), goOn),
    );
    this.name = options.name;
    this.hangMs = options.hangMs ?? HANG_MS;
    this.#world = world;
    this.#options = options;
    this.#calls = new NodeCalls(this);
    this.#strikes = new NodeStrikes(world, this, options.faults ?? {});
    this.#start();
    world.onHeal(() => {
      this.#strikes.heal();
      this.#calls.heal();
    });
  }

  get clock(): Clock {
    return this.#world.clock;
  }

  get tracer(): Tracer {
    return this.#world.tracer;
  }

  override release(): Promise<void> {
    this.#released ??= this.#shutDown();
    return this.#released;
  }

  crash(): void {
    if (this.#released !== undefined || this.state === 'down') return;
    this.#traceFault('node', 'crash', '');
    this.changes += 1;
    this.state = 'down';
    this.service = undefined;
    this.#process?.die();
    this.#process = undefined;
    this.#calls.loseAll();
    this.#showState();
  }

  restart(): void {
    if (this.#released !== undefined) return;
    this.crash();
    this.changes += 1;
    this.#start();
  }

  pause(): void {
    if (this.#released !== undefined || this.state !== 'up') return;
    this.#traceFault('node', 'pause', '');
    this.changes += 1;
    this.state = 'paused';
    this.#process?.clock.stop();
    this.#showState();
  }

  resume(): void {
    if (this.#released !== undefined || this.state !== 'paused') return;
    this.#goOn();
  }

  slow(factor: number): void {
    checkSlowFactor(factor);
    if (this.#released !== undefined) return;
    if (factor > 1) this.#traceFault('node', 'slow', '');
    this.changes += 1;
    this.#factor = factor;
    this.#process?.clock.slow(factor);
  }

  strike(moment: Moment, what: Topic): void {
    if (this.state === 'up') this.#strikes.at(moment, what);
  }

  mayHang({ topic, operation, runId }: SentCall): boolean {
    const words = (): string => callFaultText('hang', callWords(topic), this.name);
    if (!choosesFault(this.#world.choices, topic.plus('hang'), 2, words)) return false;
    this.#traceFault(operation, 'hang', runId);
    return true;
  }

  #goOn(): void {
    this.changes += 1;
    this.state = 'up';
    this.#process?.clock.goOn();
    this.#calls.endHolds();
    this.#showState();
  }

  #start(): void {
    const { start, skew, reusesIds = false } = this.#options;
    this.incarnation += 1;
    const index = this.incarnation;
    const name = `${this.name}/${index}`;
    const before = (topic: Topic): void => this.strike('event', topic);
    const process = new NodeProcess({ world: this.#world, name, skew, before });
    process.clock.slow(this.#factor);
    const idPrefix = reusesIds ? `${this.name}-` : `${this.name}.${index}-`;
    this.#process = process;
    const service: unknown = start(process.world, { index, name, idPrefix });
    checkMethods('the result of start', service, ['run', 'abort', 'query', 'release']);
    this.service = service as S;
    this.state = 'up';
    this.#showState();
  }

  #showState(): void {
    const { name, state, incarnation } = this;
    this.#world.watchServices?.node(name, state === 'up' ? `up (${name}/${incarnation})` : state);
  }

  async #shutDown(): Promise<void> {
    this.#strikes.release();
    if (this.state === 'paused') this.#goOn();
    await this.service?.release();
    this.#calls.release();
  }

  #traceFault(operation: string, kind: string, runId: RunID): void {
    const { clock, tracer } = this.#world;
    tracer.record({ at: clock.now(), type: 'fault', runner: this.name, operation, kind, runId });
  }
}

/**
 * Makes a node and starts its first process. It is a `Service` for callers; put a chaos runner around it for a network that delays,
 * loses, repeats and reorders.
 *
 * With `faults`, the exploration may strike just before each event of the process, at each call and between the effect of a call and its
 * answer: decisions `NODE crash at MOMENT fault`, and so on, whose highest answer strikes, with `… delay` for how long it lasts. What
 * such a fault did is undone when faults end (`sim.heal`); what the scenario did with a verb is not. Every fault is a `fault` event of
 * the trace (R212).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for options that make no sense; what `start` throws.
 * @example
 * ```ts
 * import { createNode, createSimulatedRunner, isRunnerError, simulate } from 'dryrunner';
 * const verdict = await simulate({
 *   async scenario(sim) {
 *     const node = createNode(sim, {
 *       name: 'n1',
 *       start: (world, { name, idPrefix }) => createSimulatedRunner(world, { name, idPrefix }),
 *     });
 *     const { runId } = await node.run({ argv: ['sleep 60000'] });
 *     await sim.sleep(1_000);
 *     node.restart();
 *     try {
 *       await node.status(runId);
 *       sim.check(false, 'the new incarnation knows nothing of the old one');
 *     } catch (error) {
 *       if (!isRunnerError(error, 'RUNNER_UNKNOWN_RUN')) throw error;
 *     }
 *     await node.release();
 *   },
 * });
 * if (!verdict.held || verdict.faults !== 1) throw new Error(verdict.failure?.message);
 * ```
 */
export function createNode<S extends Service>(
  sim: Pick<Simulation, 'world'>,
  options: NodeOptions<S>,
): Node<S> {
  checkNodeOptions(sim, options);
  return watchedService(sim.world, options.name, new SimulatedNode(sim.world, options));
}
