/**
 * A runner process on a simulated machine behind a network: it can crash, restart as a new incarnation, be paused and
 * be slow. Invariants: at most one process is alive; callers never see an answer of a dead process; after a release the
 * node holds nothing (R204).
 */
import * as is from '../kernel/shape.ts';
import { type Proceed, InterceptedService } from '../call/intercept-service.ts';
import type { Clock } from '../kernel/clock.ts';
import { RunnerError } from '../kernel/errors.ts';
import type { Topic } from '../kernel/question.ts';
import { RunRejectedError } from '../model/run-rejected-error.ts';
import { type Service, watchedService } from '../model/service.ts';
import { waitCancelled } from '../model/status-errors.ts';
import type { Tracer } from '../model/trace-event.ts';
import { zeroStatus } from '../model/run-status.ts';
import { InjectedFaultError, makeInjectedFault } from '../network/chaos-error.ts';
import { Holds, type HoldEnd } from '../network/holds.ts';
import { SentCall, type NetworkCall } from '../network/sent-call.ts';
import { type ClockSkew, CLOCK_SKEW } from '../kernel/skewed-clock.ts';
import { Machine, type NodeState } from './node-machine.ts';
import type { SimulatedWorld, Simulation } from './simulation.ts';
import { choosesFault } from '../kernel/decisions.ts';
import { type NodeFaults, callWords, type Moment, SLOW_BY, NODE_FAULTS } from './node-strikes.ts';
import { makeCall } from '../call/service-call.ts';
import { callFaultText } from '../model/faults.ts';
import { check } from '../kernel/argument-check.ts';
import { SERVICE } from '../model/argument-shapes.ts';
import { SIMULATED_WORLD } from '../model/world.ts';

/** The parts of a node that its calls use. */
export interface CallHost {
  readonly name: string;
  readonly clock: Clock;
  readonly state: NodeState;
  /** Changes with each new process. */
  readonly incarnation: number;
  readonly service: Service | undefined;
  /** A moment of a call at which a fault may strike. */
  strike(moment: 'callArrives' | 'answerLeaves', call: Topic): void;
  /** How long in milliseconds the caller of a lost call may hang before it rejects; `Infinity` for forever. */
  readonly hangMs: number;
  readonly tracer: Tracer;
  /** Decides whether the caller of a lost call hangs. */
  mayHang(call: SentCall): boolean;
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown } | typeof LOST;

const LOST = Symbol('lost');

/** A call that the service has received and not answered. */
interface Flight {
  isLost: boolean;
  readonly lose: () => void;
}

/**
 * The calls in flight to a node. Invariants: a call reaches the service synchronously unless the process is paused;
 * when the process dies, each unanswered call is lost, in call order; nothing waits here after a release.
 */
class NodeCalls {
  readonly #host: CallHost;
  readonly #flights = new Set<Flight>();
  /** Calls that arrived while the process was paused, and calls whose answers have not left it. */
  readonly #held: Holds;
  /** Lost calls whose callers hang. */
  readonly #hanging: Holds;

  constructor(host: CallHost) {
    this.#host = host;
    this.#held = new Holds(host.clock);
    this.#hanging = new Holds(host.clock);
  }

  /** Passes a call to the process that is up when the call gets through. */
  async pass<R>(call: SentCall, proceed: Proceed<R>): Promise<R> {
    const host = this.#host;
    const { topic, signal } = call;
    if (host.state === 'down') throw this.#refusal(call);
    host.strike('callArrives', topic);
    const { incarnation } = host;
    while (host.state === 'paused') await this.#wait(call, this.#held.hold(topic, { signal }));
    // A held caller is connected to the process of that time, not to its successor.
    const isThere = host.incarnation === incarnation && host.service !== undefined;
    return isThere ? this.#fly(call, proceed(call.now)) : this.#lose(call);
  }

  /** The process has resumed or died: held calls go on and see which. */
  endHolds(): void {
    this.#held.heal();
  }

  /** The process has died. */
  loseAll(): void {
    for (const flight of this.#flights) flight.lose();
    this.#held.heal();
  }

  /** Ends all hangs: the calls reject. */
  heal(): void {
    this.#hanging.heal();
  }

  release(): void {
    this.#held.release();
    this.#hanging.release();
  }

  async #fly<R>(call: SentCall, reply: Promise<R>): Promise<R> {
    const outcome = await this.#outcomeOf(call, reply);
    if (outcome === LOST) return this.#lose(call);
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  async #outcomeOf<T>(call: SentCall, reply: Promise<T>): Promise<Outcome<T>> {
    const host = this.#host;
    const { topic, signal } = call;
    const { flight, lost } = makeFlight();
    this.#flights.add(flight);
    const answered = reply.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    const outcome = await Promise.race([answered, lost]);
    // A crash between the effect of a call and its answer does most harm.
    if (!flight.isLost) host.strike('answerLeaves', topic);
    try {
      while (!flight.isLost && host.state === 'paused') {
        await this.#wait(call, this.#held.hold(topic, { signal }));
      }
    } finally {
      this.#flights.delete(flight);
    }
    return flight.isLost ? LOST : outcome;
  }

  /**
   * The connection breaks: the call rejects at once, or hangs for up to `hangMs`, until a cancel, healing or a release.
   */
  async #lose(call: SentCall): Promise<never> {
    if (!this.#hanging.released && this.#host.mayHang(call)) {
      const { hangMs } = this.#host;
      const limits = hangMs < Infinity ? { ms: hangMs, signal: call.signal } : { signal: call.signal };
      await this.#wait(call, this.#hanging.hold(call.topic, limits));
    }
    throw this.#brokenConnection(call, 'went down before it answered');
  }

  /** Records the wait in the trace, so that a standstill names it (R211). */
  async #wait({ operation, runId, signal }: SentCall, held: Promise<HoldEnd>): Promise<void> {
    const { tracer, clock, name: runner } = this.#host;
    const record = (type: 'acquired' | 'freed'): void => {
      const name = `answer to ${operation}`;
      tracer.record({ at: clock.now(), type, runner, runId, resource: 'waiter', name });
    };
    record('acquired');
    const end = await held;
    record('freed');
    if (end === 'cancelled') throw waitCancelled(signal?.reason);
  }

  #refusal(call: SentCall): Error {
    if (!this.#hanging.released) return this.#brokenConnection(call, 'is down');
    const message = `node ${this.#host.name} was released`;
    return call.operation === 'run'
      ? new RunRejectedError('RUNNER_RELEASED', message)
      : new RunnerError('RUNNER_RELEASED', message);
  }

  #brokenConnection({ operation }: SentCall, what: string): Error {
    const cause = new Error(`${operation}: node ${this.#host.name} ${what}`);
    return new InjectedFaultError(makeInjectedFault(operation, 'error', zeroStatus()), cause);
  }
}

function makeFlight(): { readonly flight: Flight; readonly lost: Promise<typeof LOST> } {
  let lose = (): void => undefined;
  const lost = new Promise<typeof LOST>((resolve) => {
    lose = (): void => {
      flight.isLost = true;
      resolve(LOST);
    };
  });
  const flight: Flight = { isLost: false, lose: () => lose() };
  return { flight, lost };
}

/** Identity of a process, passed to `start` to name its runner. */
export interface NodeIncarnation {
  /** 0 for the first process of the node; grows by one with each restart. */
  readonly index: number;
  /** `NODE/INDEX`, for the `name` of its runner. */
  readonly name: string;
  /** For the `idPrefix` of its runner: different in each incarnation (R45), unless `reusesIds` is set. */
  readonly idPrefix: string;
}

/** Options of {@link createNode}. */
export interface NodeOptions<S extends Service> {
  /** Letters, digits, dots, dashes and underscores: it is part of run ids, which name outputs. */
  readonly name: string;
  /**
   * Starts the process. Timers and other things created in `world` die with it; things created in the world of the
   * simulation, such as a disk or a database, survive.
   */
  readonly start: (world: SimulatedWorld, incarnation: NodeIncarnation) => S;
  /** Faults that the exploration may inject. Default: none. */
  readonly faults?: NodeFaults;
  /** Clock skew. Default: none. */
  readonly skew?: ClockSkew;
  /**
   * Gives every incarnation the same ids: reproduces the defect that R45 rules out, to test whether it is noticed.
   * Default false.
   */
  readonly reusesIds?: boolean;
  /**
   * How long in milliseconds a caller may hang before it learns that a crash lost its call; `Infinity` for forever.
   * Default 60,000.
   */
  readonly hangMs?: number;
}

const HANG_MS: number = 60_000;

const SIMULATION = is.objectOf<Pick<Simulation, 'world'>>('a simulation', { world: SIMULATED_WORLD }, {});
const NODE_OPTIONS = is.optionsOf<NodeOptions<Service>>(
  { name: is.text('letters, digits, dots, dashes and underscores', /^[\w.-]+$/), start: is.FUNCTION },
  { faults: NODE_FAULTS, skew: CLOCK_SKEW, reusesIds: is.BOOLEAN, hangMs: is.limit() },
);

/** A node as its callers see it, with methods to disturb it. After a release these are no-ops. */
export interface Node<S extends Service = Service> extends Service {
  readonly name: string;
  readonly state: NodeState;
  /** Index of the latest incarnation. */
  readonly incarnation: number;
  /** The service of the process itself, bypassing the network; undefined while it is down. */
  readonly service: S | undefined;
  /**
   * Ends the process at once. What it held is abandoned, its timers are gone, and each unanswered call is lost: it
   * rejects with `RUNNER_INJECTED_FAULT` at once, or after `hangMs`, a cancel, healing or a release: a decision
   * `NODE OPERATION SUBJECT hang fault`.
   */
  crash(): void;
  /** Starts a new incarnation; crashes the old one first if it is alive. */
  restart(): void;
  /** Pauses the process: its timers do not fire and calls wait until it resumes. */
  pause(): void;
  /** Resumes the process: overdue timers fire now. */
  resume(): void;
  /**
   * Timers created from now on, also by later incarnations, take `factor` times as long; 1 is the usual speed.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless it is finite and ≥ 1.
   */
  slow(factor: number): void;
}

class SimulatedNode<S extends Service> extends InterceptedService implements Node<S>, CallHost {
  readonly name: string;
  readonly hangMs: number;
  readonly #world: SimulatedWorld;
  readonly #options: NodeOptions<S>;
  readonly #calls: NodeCalls;
  readonly #machine: Machine;
  service: S | undefined = undefined;
  #released: Promise<void> | undefined;

  constructor(world: SimulatedWorld, options: NodeOptions<S>) {
    super(
      (call) => makeCall(this.service as S, call),
      async (call, proceed) =>
        this.#calls.pass(new SentCall(call as NetworkCall, this.name, this.clock), proceed),
    );
    this.name = options.name;
    this.hangMs = options.hangMs ?? HANG_MS;
    this.#world = world;
    this.#options = options;
    this.#calls = new NodeCalls(this);
    this.#machine = new Machine(world, options, {
      started: (process, index) => this.#started(process, index),
      wentDown: () => this.#wentDown(),
      resumed: () => this.#calls.endHolds(),
    });
    this.#machine.start();
    world.onHeal(() => {
      try {
        this.#machine.heal();
      } finally {
        this.#calls.heal();
      }
    });
  }

  get clock(): Clock {
    return this.#world.clock;
  }

  get tracer(): Tracer {
    return this.#world.tracer;
  }

  get state(): NodeState {
    return this.#machine.state;
  }

  get incarnation(): number {
    return this.#machine.incarnation;
  }

  override release(): Promise<void> {
    this.#released ??= this.#shutDown();
    return this.#released;
  }

  crash(): void {
    this.#machine.crash();
  }

  restart(): void {
    this.#machine.restart();
  }

  pause(): void {
    this.#machine.pause();
  }

  resume(): void {
    this.#machine.resume();
  }

  slow(factor: number): void {
    check('factor', factor, SLOW_BY);
    this.#machine.slow(factor);
  }

  strike(moment: Moment, what: Topic): void {
    this.#machine.strike(moment, what);
  }

  mayHang({ topic, operation, runId }: SentCall): boolean {
    const words = (): string => callFaultText('hang', callWords(topic), this.name);
    if (!choosesFault(this.#world.choices, topic.plus('hang'), 2, words)) return false;
    this.#machine.traceFault(operation, 'hang', runId);
    return true;
  }

  #started(world: SimulatedWorld, index: number): void {
    const { start, reusesIds = false } = this.#options;
    const name = `${this.name}/${index}`;
    const idPrefix = reusesIds ? `${this.name}-` : `${this.name}.${index}-`;
    const service: unknown = start(world, { index, name, idPrefix });
    check('the result of start', service, SERVICE);
    this.service = service as S;
  }

  #wentDown(): void {
    this.service = undefined;
    this.#calls.loseAll();
  }

  async #shutDown(): Promise<void> {
    this.#machine.stopFaults();
    try {
      await this.service?.release();
    } finally {
      this.#calls.release();
    }
  }
}

/**
 * Creates a node and starts its first process. Callers use it as a `Service`; put a chaos runner around it for a
 * network that delays, loses, repeats and reorders.
 *
 * With `faults`, the exploration may inject a fault just before each event of the process, at each call, and between
 * the effect of a call and its answer: decisions `NODE crash at MOMENT fault`, and so on, whose highest answer is the
 * fault, with `… delay` for its duration. At a call, `… back fault` says whether the node is back from a crash before
 * it arrives: then the next process takes the call. The effects of such a fault are undone when faults end
 * (`sim.heal`); what the scenario did by calling a method is not. Every fault is a `fault` event of the trace (R212).
 *
 * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid options; whatever `start` throws.
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
  check('sim', sim, SIMULATION);
  check('options', options, NODE_OPTIONS);
  return watchedService(sim.world, options.name, new SimulatedNode(sim.world, options));
}
