/**
 * A node of a simulated network: a program of the user's on a machine that crashes, restarts, pauses and is slow. Invariants: the program
 * runs only in events of its own process; what is said to a process is heard by no other one; each call that it has got and not answered
 * when it dies is lost, and its caller learns it or hangs, by a decision.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import { choosesFault } from '../kernel/decisions.ts';
import { RunnerError } from '../kernel/errors.ts';
import { type ClockSkew, CLOCK_SKEW } from '../kernel/skewed-clock.ts';
import { messageFaultText } from '../model/faults.ts';
import { isPending } from '../model/maybe-promise.ts';
import type { NodeProgram } from '../model/node-context.ts';
import { Machine, type MachineHooks, type NodeState } from '../simulation/node-machine.ts';
import { NODE_FAULTS, type NodeFaults, SLOW_BY } from '../simulation/node-strikes.ts';
import type { SimulatedWorld } from '../simulation/simulation.ts';
import { ANY_INCARNATION, type Envelope, type Transport } from './envelope.ts';
import type { Receiver } from './link.ts';
import { envelopeText } from './message-detail.ts';
import type { NetworkCore } from './network-core.ts';
import { ProcessContext } from './process-context.ts';

/** What {@link Network.node} takes beside the program. */
export interface ClusterNodeOptions {
  /** What the exploration may do to it. Default: what the network says. */
  readonly faults?: NodeFaults;
  /** How far its clock is off. Default: not at all. */
  readonly skew?: ClockSkew;
  /** Called when its process goes down, by a crash or in good order: for those who watch from outside. */
  readonly onDown?: () => void;
}

/** See {@link ClusterNodeOptions}. */
export const CLUSTER_NODE_OPTIONS: is.RecordShape = is.optionsOf<ClusterNodeOptions>(
  {},
  { faults: NODE_FAULTS, skew: CLOCK_SKEW, onDown: is.FUNCTION },
);

/** A node and its verbs. Made by {@link Network.node}. After it has left the verbs do nothing. */
export interface ClusterNode<T extends object | void = object> {
  readonly name: string;
  readonly state: NodeState | 'left';
  /** Index of the latest process. */
  readonly incarnation: number;
  /** What the program has returned, past the network; undefined while it is down, and before it has returned. */
  readonly object: T | undefined;
  /** Ends the process at once: its memory and timers are gone. */
  crash(): void;
  /** Starts a new process; crashes the old one if it is alive. */
  restart(): void;
  /** Stops the process: nothing of it happens, and what arrives waits, until it goes on. */
  pause(): void;
  /** Lets it go on: what was due meanwhile is due now. */
  resume(): void;
  /**
   * Timers that are made from now on, also by later processes, take `factor` times as long; 1 is the usual speed.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless it is finite and ≥ 1.
   */
  slow(factor: number): void;
  /** Ends it in good order, for good: the `onStop` hooks of its program are called, then it is gone. */
  leave(): void;
}

/** See {@link ClusterNode}. */
export class SimulatedClusterNode<T extends object | void>
  implements ClusterNode<T>, MachineHooks, Receiver, Transport
{
  readonly name: string;
  readonly #core: NetworkCore;
  readonly #program: NodeProgram<T>;
  readonly #options: ClusterNodeOptions;
  readonly #machine: Machine;
  #process: ProcessContext | undefined;
  #object: T | undefined;
  /** Calls that the process has got and not answered, each delivery of its own. */
  readonly #serving = new Set<Envelope>();
  /** What came while it was stopped. */
  #held: Envelope[] = [];
  #hasLeft = false;

  constructor(core: NetworkCore, name: string, program: NodeProgram<T>, options: ClusterNodeOptions) {
    this.name = name;
    this.#core = core;
    this.#program = program;
    this.#options = options;
    this.#machine = new Machine(core.world, { name, ...options }, this);
  }

  get state(): NodeState | 'left' {
    return this.#hasLeft ? 'left' : this.#machine.state;
  }

  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  get incarnation(): number {
    return this.#machine.incarnation;
  }

  get object(): T | undefined {
    return this.#object;
  }

  /** Starts the first process. */
  start(): void {
    this.#machine.start();
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

  heal(): void {
    this.#machine.heal();
  }

  leave(): void {
    if (this.#hasLeft) return;
    this.#process?.stop();
    this.#hasLeft = true;
    this.#machine.end();
  }

  /** @internal */
  nextId(): number {
    return this.#core.nextId();
  }

  /** @internal What the process sends. */
  post(envelope: Envelope): void {
    if (envelope.kind === 'reply' || envelope.kind === 'error') {
      // Between the effect of a call and its answer is where a crash does most harm.
      this.#machine.strike('reply', envelope.topic);
      // A crash has lost it by now; a pause lets the answer go once it is over.
      if (envelope.answered === undefined || !this.#serving.delete(envelope.answered)) return;
    }
    this.#core.link(this.name, envelope.to).send(envelope);
  }

  /** @internal */
  arrive(envelope: Envelope): void {
    const machine = this.#machine;
    if (machine.state === 'up') machine.strike('call', envelope.topic);
    if (this.state === 'paused') {
      this.#held.push(envelope);
      return;
    }
    const { toIncarnation } = envelope;
    const isThere = toIncarnation === ANY_INCARNATION || toIncarnation === machine.incarnation;
    if (this.state !== 'up' || !isThere) {
      this.#core.refuse(
        envelope,
        this.state === 'up'
          ? `${this.name} has restarted`
          : `${this.name} ${this.#hasLeft ? 'has left' : 'is down'}`,
      );
      return;
    }
    this.#core.link(envelope.from, this.name).trace(envelope, 'delivered');
    if (envelope.kind === 'call') this.#serving.add(envelope);
    this.#process?.endpoint.deliver(envelope);
  }

  /** @internal */
  started(world: SimulatedWorld, index: number): void {
    const process = new ProcessContext({
      name: this.name,
      incarnation: index,
      world,
      transport: this,
      callTimeoutMs: this.#core.callTimeoutMs,
    });
    this.#process = process;
    const result = this.#program(process);
    if (isPending(result)) {
      void result.then(
        (object) => this.#serve(process, object),
        (error: unknown) => this.#failStart(process, error),
      );
    } else this.#serve(process, result);
  }

  /** @internal */
  wentDown(): void {
    this.#process?.endpoint.close();
    this.#process = undefined;
    this.#object = undefined;
    this.#options.onDown?.();
    const lost = [...this.#serving, ...this.#held];
    this.#serving.clear();
    this.#held = [];
    for (const envelope of lost) if (envelope.kind === 'call') this.#breakConnection(envelope);
  }

  /** @internal */
  wentOn(): void {
    const held = this.#held;
    this.#held = [];
    for (const envelope of held) this.#core.link(envelope.from, this.name).bring(envelope);
  }

  #serve(process: ProcessContext, object: T): void {
    if (process !== this.#process) return;
    if (object !== undefined) check(`what the program of ${this.name} returns`, object, is.OPAQUE);
    this.#object = object;
    process.endpoint.serve(object ?? undefined);
  }

  #failStart(process: ProcessContext, error: unknown): void {
    if (process !== this.#process) return;
    // Thrown in an event, it is a failure of the simulation.
    process.clock.post(`${this.name} fails to start`, () => {
      throw error;
    });
  }

  /** The caller learns at once that the process has died, or hangs. */
  #breakConnection(call: Envelope): void {
    if (this.#hasLeft) return;
    const topic = call.topic.plus('hang');
    const words = (): string => messageFaultText('hang', envelopeText(call));
    if (choosesFault(this.#core.world.choices, topic, 2, words)) this.#core.noteLost(call);
    else {
      this.#core.fail(
        call,
        new RunnerError('RUNNER_CALL_LOST', `${this.name} went down before it answered ${call.name}`),
      );
    }
  }
}
