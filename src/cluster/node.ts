/**
 * A node of a simulated network: a user's program on a machine that can crash, restart, pause and be slow. Invariants:
 * the program runs only within events of its own process; what is addressed to one process reaches no other; calls that
 * a process has received and not answered when it dies are lost, and a decision says whether the caller gets an error
 * at once or hangs.
 */
import * as is from '../kernel/shape.ts';
import { check } from '../kernel/argument-check.ts';
import type { Timer } from '../kernel/clock.ts';
import { choosesFault, isEndOfExecution } from '../kernel/decisions.ts';
import { messageOf, RunnerError } from '../kernel/errors.ts';
import { namedTopic } from '../kernel/question.ts';
import { type ClockSkew, CLOCK_SKEW } from '../kernel/skewed-clock.ts';
import {
  createMemoryDisk,
  endMount,
  MEMORY_DISK_FIELDS,
  type MemoryDisk,
  type MemoryDiskOptions,
} from '../disks/memory-disk.ts';
import type { Disk } from '../model/disk.ts';
import { type CrashKind, messageFaultText } from '../model/faults.ts';
import { whenSettled } from '../model/maybe-promise.ts';
import type { OngoingWait } from '../model/wait-watch.ts';
import type { NodeProgram } from '../model/node-context.ts';
import type { MessageStep, NodeStep } from '../model/trace-event.ts';
import { chosenSkew, CHOSEN_SKEW_OPTIONS, type ChosenSkewOptions } from '../simulation/chosen-faults.ts';
import { type DownCause, Machine, type MachineHooks, type NodeState } from '../simulation/node-machine.ts';
import { NODE_FAULTS, type NodeFaults, SLOW_BY } from '../simulation/node-strikes.ts';
import type { SimulatedWorld } from '../simulation/simulation.ts';
import { leftText } from './endpoint.ts';
import { ANY_INCARNATION, type Envelope, type Transport } from './envelope.ts';
import type { Link, Receiver } from './link.ts';
import { arrivalText, callWords, envelopeText } from './message-detail.ts';
import type { Fabric } from './fabric.ts';
import { ProcessContext, type ProcessOwner } from './process-context.ts';

/** Options of the disk of a node, which has the node's name. */
export interface NodeDiskOptions extends Omit<MemoryDiskOptions, 'name'> {
  /**
   * What a crash of the node does to unsynced writes. False: power fails, and the exploration decides whether they are
   * kept, lost or torn. True: only the process dies, and they are kept. Default false. An uncaught error always ends
   * the process alone.
   */
  readonly keepsUnsynced?: boolean;
}

/** Options of {@link ClusterNode.crash}. */
export interface NodeCrashOptions {
  /**
   * False: the machine loses power. True: only the process dies, as by SIGKILL, and the next one finds all that it
   * wrote, synced or not. Default: as the option `disk` of the node.
   */
  readonly keepsUnsynced?: boolean;
}

const CRASH_OPTIONS = is.optionsOf<NodeCrashOptions>({}, { keepsUnsynced: is.BOOLEAN });

/** Options of {@link Network.node}. */
export interface ClusterNodeOptions {
  /** Faults that the exploration may inject. Default: none. */
  readonly faults?: NodeFaults;
  /**
   * Skew of its clock: a fixed one, or one that the exploration chooses (`true`, or limits; see `chosenSkew`). Default:
   * none.
   */
  readonly skew?: ClockSkew | ChosenSkewOptions | true;
  /** Options of its disk, which is created when the program first asks for it. */
  readonly disk?: NodeDiskOptions;
  /**
   * What happens on an error that the program leaves uncaught, in its start, a timer, a message handler, an `onStop`
   * hook or a promise: `fail` fails the simulation, `crash` ends the process as an uncaught error ends a real one,
   * `restart` also starts a new process after `restartMs`. Errors that a method throws go to its caller instead.
   * Default `fail`.
   */
  readonly onError?: 'fail' | 'crash' | 'restart';
  /** Milliseconds until the restart; default 1,000. */
  readonly restartMs?: number;
  /**
   * Called when its process goes down, by a crash or by leaving, so that a scenario can observe it. An error it throws
   * fails the simulation. Not called when the network stops.
   */
  readonly onDown?: () => void;
}

/** Shapes of the fields of {@link ClusterNodeOptions}. */
export const CLUSTER_NODE_FIELDS: is.ShapesOf<ClusterNodeOptions> = {
  faults: NODE_FAULTS,
  skew: is.anyOf(
    'true, offsetMs and driftPpm, or offsetMsMax and driftPpmMax',
    is.satisfying('true', (value) => value === true),
    CLOCK_SKEW,
    CHOSEN_SKEW_OPTIONS,
  ),
  disk: is.optionsOf<NodeDiskOptions>({}, { ...MEMORY_DISK_FIELDS, keepsUnsynced: is.BOOLEAN }),
  onError: is.oneOf('fail', 'crash', 'restart'),
  restartMs: is.DURATION_MS,
  onDown: is.FUNCTION,
};

/** Shape of {@link ClusterNodeOptions}. */
export const CLUSTER_NODE_OPTIONS: is.RecordShape = is.optionsOf<ClusterNodeOptions>({}, CLUSTER_NODE_FIELDS);

const RESTART_MS = 1_000;
/** After this many equal failures at one virtual time, with nothing between them, a node is given up. */
const FAILURES_AT_ONCE_MAX = 10_000;

/**
 * A node of a network. Made by {@link Network.node}. After it has left, its methods throw `RUNNER_SIMULATION_MISUSE`,
 * `restart` already while it is leaving; only `leave` resolves again.
 */
export interface ClusterNode<T extends object | void = object> {
  readonly name: string;
  readonly state: NodeState | 'left';
  /** Index of its latest process, from 0. */
  readonly incarnation: number;
  /**
   * The object that the program returned, reached without the network; undefined while it is down or has not returned
   * yet.
   */
  readonly object: T | undefined;
  /**
   * The disk that its processes share, so that a scenario can check it. A crash calls its `powerFail()`, or `crash()`
   * if only the process dies.
   */
  readonly disk: MemoryDisk;
  /**
   * Ends the process at once: its memory and timers are gone. `options`, or the option `disk` of the node, say whether
   * unsynced writes survive. A node that is down already stays down, even if it was about to restart after a fault or an
   * error.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` for invalid options.
   */
  crash(options?: NodeCrashOptions): void;
  /** Starts a new process; crashes the old one if it is alive. */
  restart(): void;
  /** Pauses the process: nothing in it runs, and messages to and from it wait until `resume`. */
  pause(): void;
  /** Resumes a paused process: everything that became due meanwhile is due now. */
  resume(): void;
  /**
   * Makes timers that are set from now on, also by later processes, take `factor` times as long; 1 is normal speed.
   *
   * @throws RunnerError `RUNNER_INVALID_ARGUMENT` unless `factor` is finite and ≥ 1.
   */
  slow(factor: number): void;
  /**
   * Shuts the node down for good: calls the `onStop` hooks of its program in an event of its own, and resolves when
   * they are done and the node is gone. A paused node leaves after it resumes; a crash meanwhile skips the remaining
   * hooks.
   */
  leave(): Promise<void>;
}

/** A message that arrived while the process was paused. */
interface HeldMessage {
  readonly envelope: Envelope;
  /** True once an event of the process will take it. */
  isDue: boolean;
}

/** Implements {@link ClusterNode}. */
export class SimulatedClusterNode<T extends object | void>
  implements ClusterNode<T>, MachineHooks, ProcessOwner, Receiver, Transport
{
  readonly name: string;
  readonly #fabric: Fabric;
  readonly #program: NodeProgram<T>;
  readonly #options: ClusterNodeOptions;
  readonly #machine: Machine;
  #medium: MemoryDisk | undefined;
  /** The disk as its process uses it. */
  #mount: Disk | undefined;
  #process: ProcessContext | undefined;
  #object: T | undefined;
  /** Calls that the process has received and not answered, one entry per delivery; allocated with the first. */
  #serving: Set<Envelope> | undefined;
  /** Messages that arrived while it was paused, in order of arrival, until the process takes them. */
  #held: Set<HeldMessage> | undefined;
  /** Messages that the process sent while it was paused. */
  #unsent: Envelope[] | undefined;
  /** The option of the crash in progress, if it has one. */
  #keepsUnsynced: boolean | undefined;
  #restart: Timer | undefined;
  /** Its latest failures with one error at one time, between which it received nothing and `restart` was not called. */
  #failures = { atMs: -1, message: '', times: 0 };
  #leaving: Promise<void> | undefined;
  #gone: (() => void) | undefined;
  #hasLeft = false;

  constructor(core: Fabric, name: string, program: NodeProgram<T>, options: ClusterNodeOptions) {
    this.name = name;
    this.#fabric = core;
    this.#program = program;
    this.#options = options;
    const { faults, skew } = options;
    this.#machine = new Machine(
      core.world,
      {
        name,
        isAskedOnce: true,
        ...(faults === undefined ? {} : { faults }),
        ...(skew === undefined ? {} : { skew: skewOf(core.world, name, skew) }),
      },
      this,
    );
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

  get crashKind(): CrashKind {
    return (this.#keepsUnsynced ?? this.#options.disk?.keepsUnsynced ?? false) ? 'kill' : 'crash';
  }

  get object(): T | undefined {
    return this.#object;
  }

  get disk(): MemoryDisk {
    if (this.#medium === undefined) {
      const {
        latencyMs = 0,
        capacityBytes = Infinity,
        tearBytes = 1,
        faults = {},
      } = this.#options.disk ?? {};
      const options = { name: this.name, latencyMs, capacityBytes, tearBytes, faults };
      this.#medium = createMemoryDisk(this.#fabric.world, options);
    }
    return this.#medium;
  }

  /** Starts the first process. */
  start(): void {
    this.#begin(() => this.#machine.start());
  }

  /** Its program has failed to start, so that it is no node. */
  discard(): void {
    this.#machine.discard();
  }

  crash(options: NodeCrashOptions = {}): void {
    check('options', options, CRASH_OPTIONS);
    this.#mustBeThere('crash');
    this.#restart?.cancel();
    this.#keepsUnsynced = options.keepsUnsynced;
    try {
      this.#machine.crash();
    } finally {
      this.#keepsUnsynced = undefined;
    }
  }

  restart(): void {
    this.#mustBeThere('restart', this.#leaving !== undefined);
    this.#failures.times = 0;
    this.#begin(() => this.#machine.restart());
  }

  pause(): void {
    this.#mustBeThere('pause');
    this.#machine.pause();
  }

  resume(): void {
    this.#mustBeThere('resume');
    this.#machine.resume();
  }

  slow(factor: number): void {
    check('factor', factor, SLOW_BY);
    this.#mustBeThere('slow');
    this.#machine.slow(factor);
  }

  heal(): void {
    this.#machine.heal();
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave();
    return this.#leaving;
  }

  /** Ends the node at once because the simulation is over; no hook is called. */
  stop(): void {
    this.#end('stop');
  }

  nextId(): number {
    return this.#fabric.nextId();
  }

  /** Sends an envelope of the process. */
  post(envelope: Envelope): void {
    if (envelope.kind === 'reply' || envelope.kind === 'error') {
      const { answered: call } = envelope;
      if (call === undefined || !this.#isServing(call)) return;
      // A crash does most harm between the effect of a call and its answer.
      this.#machine.strike('answerLeaves', envelope.topic, callWords, call);
    }
    if (this.state === 'paused') (this.#unsent ??= []).push(envelope);
    else this.#send(envelope);
  }

  #send(envelope: Envelope): void {
    const { answered: call } = envelope;
    // The answer to a call that a crash has lost meanwhile.
    if (call !== undefined && this.#serving?.delete(call) !== true) return;
    this.#fabric.link(this.name, envelope.to).send(envelope);
  }

  awaits(id: number): boolean {
    return this.#process?.endpoint.awaits(id) === true;
  }

  waits(): Iterable<OngoingWait> {
    return this.#process?.waits() ?? [];
  }

  arrive(envelope: Envelope): void {
    const moment = envelope.toIncarnation === ANY_INCARNATION ? 'callArrives' : 'answerArrives';
    this.#machine.strike(moment, envelope.topic, arrivalText, envelope);
    if (this.state === 'paused') {
      this.#hold(envelope);
      this.#traceMessage(envelope, 'held', `${this.name} is paused`);
    } else if (this.#isBehindHeld(envelope)) this.#hold(envelope);
    else this.#take(envelope);
  }

  #take(envelope: Envelope): void {
    const machine = this.#machine;
    const { toIncarnation } = envelope;
    const isThere = toIncarnation === ANY_INCARNATION || toIncarnation === machine.incarnation;
    if (this.state !== 'up' || !isThere) {
      this.#fabric.refuse(
        envelope,
        this.state === 'up'
          ? `${this.name} has restarted`
          : `${this.name} ${this.#hasLeft ? 'has left' : 'is down'}`,
      );
      return;
    }
    const refusal = this.#process?.endpoint.refusal(envelope);
    if (refusal !== undefined) {
      this.#fabric.refuse(envelope, refusal);
      return;
    }
    this.#failures.times = 0;
    this.#traceMessage(envelope, 'delivered');
    if (envelope.kind === 'call') (this.#serving ??= new Set()).add(envelope);
    machine.run(() => this.#process?.endpoint.deliver(envelope));
  }

  started(world: SimulatedWorld, index: number): void {
    const process = new ProcessContext({
      name: this.name,
      incarnation: index,
      world,
      reportClock: this.#fabric.world.clock,
      transport: this,
      callTimeoutMs: this.#fabric.callTimeoutMs,
      owner: this,
    });
    this.#process = process;
    if (index > 0) this.#trace('restarted');
    // Ambient timers belong to the process whose event sets them, so the program needs an event of its own.
    if (this.#machine.isAmbient) {
      process.clock.post(namedTopic(this.name, 'start', ''), () => this.#run(process));
    } else this.#machine.begin(() => this.#run(process));
  }

  wentDown(cause: DownCause): void {
    this.#process?.close();
    const wasUp = this.#process !== undefined;
    this.#process = undefined;
    this.#object = undefined;
    this.#unsent = undefined;
    this.#endDisk(cause);
    this.#loseCalls(cause);
    if (this.#leaving !== undefined) this.#end('leave');
    if (wasUp && cause !== 'stop') this.#notifyDown();
  }

  /** An error of the observer is not the node's error, and must not interrupt its shutdown. */
  #notifyDown(): void {
    try {
      this.#options.onDown?.();
    } catch (error) {
      const { processes } = this.#fabric.world;
      if (processes === undefined || isEndOfExecution(error)) throw error;
      processes.fail(`onDown of ${this.name} failed: ${messageOf(error)}`, error);
    }
  }

  resumed(): void {
    const unsent = this.#unsent ?? [];
    this.#unsent = undefined;
    for (const envelope of unsent) this.#send(envelope);
    const senders = new Set<string>();
    for (const held of this.#held ?? []) {
      const { from } = held.envelope;
      if (!senders.has(from) || !this.#link(from).isFifo) this.#takeSoon(held);
      senders.add(from);
    }
  }

  #hold(envelope: Envelope): void {
    (this.#held ??= new Set()).add({ envelope, isDue: false });
  }

  /** True if an earlier message of the same FIFO link still waits. */
  #isBehindHeld({ from }: Envelope): boolean {
    return this.#firstHeldOf(from) !== undefined && this.#link(from).isFifo;
  }

  #firstHeldOf(from: string): HeldMessage | undefined {
    if (this.#held === undefined) return undefined;
    for (const held of this.#held) if (held.envelope.from === from) return held;
    return undefined;
  }

  /** Lets the process take a message in an event of its own. It has arrived, so no link can lose it any more. */
  #takeSoon(held: HeldMessage): void {
    if (held.isDue) return;
    held.isDue = true;
    const { envelope } = held;
    this.#process?.clock.post(envelope.topic, () => {
      this.#held?.delete(held);
      const { from } = envelope;
      const next = this.#firstHeldOf(from);
      if (next !== undefined && this.#link(from).isFifo) this.#takeSoon(next);
      this.#take(envelope);
    });
  }

  #link(from: string): Link {
    return this.#fabric.link(from, this.name);
  }

  #traceMessage(envelope: Envelope, step: MessageStep, reason?: string): void {
    this.#link(envelope.from).trace(envelope, step, reason);
  }

  failed(error: unknown, isAlive: boolean): void {
    if (isEndOfExecution(error)) throw error;
    const { onError = 'fail', restartMs = RESTART_MS } = this.#options;
    const { name } = this;
    const { clock, processes } = this.#fabric.world;
    if (onError === 'fail') {
      if (processes === undefined) throw error;
      processes.fail(`${name} failed: ${messageOf(error)}`, error);
      return;
    }
    if (!isAlive) return;
    this.#trace('failed', messageOf(error));
    if (onError === 'restart' && this.#failsForEver(error, restartMs)) return;
    const machine = this.#machine;
    const { incarnation } = machine;
    machine.crash('error', messageOf(error));
    // Its observer may have started the next process, which has a restart of its own if it fails.
    if (onError === 'crash' || this.#hasLeft || machine.incarnation !== incarnation) return;
    this.#restart?.cancel();
    this.#restart = clock.timer(namedTopic(name, 'restart', ''), restartMs, () => {
      // The scenario may have started a new process meanwhile.
      if (machine.incarnation === incarnation) machine.recover();
    });
  }

  /** Fails the simulation if the node only fails and restarts while time stands still, because it would never end. */
  #failsForEver(error: unknown, restartMs: number): boolean {
    const { clock, processes } = this.#fabric.world;
    const atMs = clock.now();
    const message = messageOf(error);
    const before = this.#failures;
    const times = before.atMs === atMs && before.message === message ? before.times + 1 : 1;
    this.#failures = { atMs, message, times };
    if (times < FAILURES_AT_ONCE_MAX || processes === undefined) return false;
    const often = `${this.name} has failed ${times} times at ${atMs} ms and restarts at once`;
    processes.fail(`${often} (onError: "restart", restartMs: ${restartMs}): ${message}`, error);
    return true;
  }

  /**
   * Starts a process during a call of the scenario, which gets the error of the program unless `onError` handles it.
   */
  #begin(start: () => void): void {
    const next = this.incarnation + 1;
    try {
      start();
    } catch (error) {
      const { onError = 'fail' } = this.#options;
      if (onError === 'fail' || isEndOfExecution(error)) throw error;
      // As the failed process went down, its observer may have started the one after it.
      this.failed(error, this.incarnation === next);
    }
  }

  /** A dead process gets a disk of its own, on which no operation ever completes. */
  mountDisk(process: ProcessContext): Disk {
    const { world } = process;
    if (process !== this.#process) return createMemoryDisk(world).mount(world);
    this.#mount = this.disk.mount(world);
    return this.#mount;
  }

  processFailed(process: ProcessContext, error: unknown): void {
    if (process === this.#process) this.failed(error, true);
  }

  #run(process: ProcessContext): void {
    // Not called as a method: stacks would show this class, and `this` would be the node.
    const program = this.#program;
    const result = program(process);
    let isLate = false;
    whenSettled(
      result,
      (object) => {
        if (isLate) this.#serveLate(process, object);
        else this.#serve(process, object);
      },
      (error) => this.processFailed(process, error),
    );
    isLate = true;
  }

  #serveLate(process: ProcessContext, object: T): void {
    try {
      this.#serve(process, object);
    } catch (error) {
      this.processFailed(process, error);
    }
  }

  #serve(process: ProcessContext, object: T): void {
    if (process !== this.#process) return;
    this.#object = object;
    process.endpoint.serve(object);
  }

  #isServing(call: Envelope): boolean {
    return this.#serving?.has(call) === true;
  }

  #endDisk(cause: DownCause): void {
    if (cause === 'crash' && this.crashKind === 'crash') this.#medium?.powerFail();
    else if (cause === 'crash' || cause === 'error') this.#medium?.crash();
    else if (this.#mount !== undefined) endMount(this.#mount);
    this.#mount = undefined;
  }

  #loseCalls(cause: DownCause): void {
    const serving = [...(this.#serving ?? [])];
    const held = [...(this.#held ?? [])];
    this.#serving = undefined;
    this.#held = undefined;
    if (cause === 'stop') return;
    const reason = `${this.name} ${cause === 'leave' ? 'has left' : 'went down'}`;
    for (const { envelope } of held) this.#traceMessage(envelope, 'lost', reason);
    for (const call of serving) this.#breakConnection(call, cause);
    for (const { envelope } of held) if (envelope.kind === 'call') this.#breakConnection(envelope, cause);
  }

  async #leave(): Promise<void> {
    const process = this.#process;
    if (process === undefined) {
      this.#end('leave');
      return;
    }
    await new Promise<void>((resolve) => {
      this.#gone = resolve;
      process.clock.post(namedTopic(this.name, 'stop', ''), () => void this.#stopProcess(process));
    });
  }

  async #stopProcess(process: ProcessContext): Promise<void> {
    await process.stop();
    if (process === this.#process) this.#end('leave');
  }

  #trace(step: NodeStep, error?: string): void {
    const { clock, tracer } = this.#fabric.world;
    const event = {
      at: clock.now(),
      type: 'node',
      runner: this.name,
      step,
      incarnation: this.incarnation,
    } as const;
    tracer.record(error === undefined ? event : { ...event, error });
  }

  #end(cause: 'leave' | 'stop'): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    if (cause === 'leave') this.#trace('left');
    this.#restart?.cancel();
    this.#machine.end(cause);
    this.#gone?.();
  }

  #mustBeThere(verb: string, isLeaving = false): void {
    if (!this.#hasLeft && !isLeaving) return;
    throw new RunnerError('RUNNER_SIMULATION_MISUSE', leftText(this.name, this.#hasLeft, verb));
  }

  /** Decides whether the caller of a lost call gets an error at once or hangs. */
  #breakConnection(call: Envelope, cause: DownCause): void {
    // A node that leaves closes its connections, so no caller hangs.
    if (cause !== 'leave' && this.#hangs(call)) this.#fabric.noteLost(call);
    else {
      this.#fabric.fail(
        call,
        new RunnerError('RUNNER_CALL_LOST', `${this.name} went down before it answered ${call.name}`),
      );
    }
  }

  #hangs(call: Envelope): boolean {
    const { name: runner } = this;
    const { choices, clock, tracer } = this.#fabric.world;
    const words = (): string => messageFaultText('hang', envelopeText(call), runner);
    if (!choosesFault(choices, call.topic.plus('hang'), 2, words)) return false;
    const fault = { at: clock.now(), type: 'fault', runner, operation: 'message', kind: 'hang' } as const;
    tracer.record({ ...fault, runId: '', message: envelopeText(call) });
    return true;
  }
}

function skewOf(
  world: SimulatedWorld,
  name: string,
  skew: NonNullable<ClusterNodeOptions['skew']>,
): ClockSkew {
  if (skew === true) return chosenSkew({ world }, name);
  const isChosen = 'offsetMsMax' in skew || 'driftPpmMax' in skew;
  return isChosen ? chosenSkew({ world }, name, skew) : (skew as ClockSkew);
}
