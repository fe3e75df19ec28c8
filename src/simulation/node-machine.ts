/**
 * A simulated machine with one process on it: it can crash, restart as a new incarnation, be paused and be slow. Its
 * owner decides what the process is, a runner or anything else. Invariants: at most one process is alive; nothing that
 * a dead process does is seen.
 */
import { isEndOfExecution } from '../kernel/decisions.ts';
import { messageOf } from '../kernel/errors.ts';
import { nthUse, takeBackUse } from '../kernel/nth-use.ts';
import type { Topic } from '../kernel/question.ts';
import type { RandomStream } from '../kernel/random.ts';
import type { ClockSkew } from '../kernel/skewed-clock.ts';
import type { CrashKind } from '../model/faults.ts';
import type { RunID } from '../model/run-status.ts';
import type { BeforeEvent } from './node-clock.ts';
import { NodeProcess, type ProcessHooks } from './node-process.ts';
import {
  canStrike,
  type Moment,
  type MomentWords,
  type NodeFaults,
  NodeStrikes,
  type StrikeTarget,
} from './node-strikes.ts';
import type { SimulatedWorld } from './simulation.ts';

/** `down` lasts from a crash to the restart. */
export type NodeState = 'up' | 'paused' | 'down';

/** Options of {@link Machine}. */
export interface MachineOptions {
  readonly name: string;
  /** Faults that the exploration may inject. Default: none. */
  readonly faults?: NodeFaults;
  /**
   * True: one question at each moment covers all kinds of faults; false: each kind has a question of its own. Default
   * false.
   */
  readonly isAskedOnce?: boolean;
  /** Clock skew. Default: none. */
  readonly skew?: ClockSkew;
}

/** Why a process ended: a fault of its machine, an error of its own, an orderly exit, or the end of the simulation. */
export type DownCause = 'crash' | 'error' | 'leave' | 'stop';

/** Callbacks to the owner of a machine, who knows what its process is. */
export interface MachineHooks extends ProcessHooks {
  /**
   * Starts the code of process `index` (from 0) in its world. The call that starts the process throws what this throws.
   */
  started(world: SimulatedWorld, index: number): void;
  /** Whether a crash takes down the whole machine or only the process. Absent: the whole machine. */
  readonly crashKind?: CrashKind;
  /** The process is dead. */
  wentDown(cause: DownCause): void;
  /** The process continues after a pause. */
  resumed(): void;
}

/**
 * One machine. After `stopFaults` or `end` it changes no more: `start`, `crash`, `restart`, `recover`, `pause`,
 * `resume`, `slow`, `slowByFault`, `stopFaults` and `end` have no effect.
 */
export class Machine implements StrikeTarget {
  readonly name: string;
  readonly #world: SimulatedWorld;
  /** Which machine of its name it is, from 1. */
  readonly #nth: number;
  /** Its processes fork it. */
  readonly #random: RandomStream;
  readonly #skew: ClockSkew | undefined;
  readonly #hooks: MachineHooks;
  /** Present only if faults are possible. */
  readonly #strikes: NodeStrikes | undefined;
  readonly #before: BeforeEvent = (topic) => this.strike('event', topic);
  changes = 0;
  state: NodeState = 'down';
  /** Index of the latest process; −1 before the first. */
  incarnation = -1;
  #process: NodeProcess | undefined;
  /** How slow the owner makes it, and how slow a fault does; the slower one counts. */
  #ownFactor = 1;
  #faultFactor = 1;
  /** The error that ended the last process, if it was its own. */
  #error: string | undefined;
  /** Set by `stopFaults` and `end`. */
  #isFinal = false;

  constructor(
    world: SimulatedWorld,
    { name, faults = {}, isAskedOnce = false, skew }: MachineOptions,
    hooks: MachineHooks,
  ) {
    this.name = name;
    this.#world = world;
    this.#nth = nthUse(world.random, useOf(name));
    this.#random = randomOf(world, name, this.#nth);
    this.#skew = skew;
    this.#hooks = hooks;
    if (canStrike(faults)) this.#strikes = new NodeStrikes(world, this, faults, isAskedOnce);
    world.processes?.addMachine(this);
  }

  get crashKind(): CrashKind {
    return this.#hooks.crashKind ?? 'crash';
  }

  /** True if everything its process does must happen in an event of its own. */
  get isAmbient(): boolean {
    return this.#world.processes?.isAmbient === true;
  }

  /** Starts the next process. */
  start(): void {
    // A restart begins with a crash, and a listener to that may have ended the machine.
    if (this.#isFinal) return;
    this.incarnation += 1;
    const index = this.incarnation;
    const name = `${this.name}/${index}`;
    const process = new NodeProcess({
      world: this.#world,
      node: this.name,
      name,
      random: this.#random.fork(name),
      skew: this.#skew,
      before: this.#before,
      hooks: this.#hooks,
    });
    process.clock.slow(this.#slowFactor);
    this.#process = process;
    try {
      this.#hooks.started(process.world, index);
    } catch (error) {
      if (this.#process === process) {
        this.#error = messageOf(error);
        this.#kill('error');
      } else if (process.catches && !isEndOfExecution(error)) return;
      throw error;
    }
    // The process may have ended itself.
    if (this.#process !== process) return;
    this.state = 'up';
    this.#showState();
  }

  /** Runs code of the process in an event of another clock. */
  run(code: () => void): void {
    this.#process?.run(code);
  }

  /** Runs the start of the new process's code inside the current event. */
  begin(code: () => void): void {
    this.#process?.begin(code);
  }

  /** `error` is the message of the error of its own that ends the process. */
  crash(cause: 'crash' | 'error' = 'crash', error?: string): void {
    if (this.#isFinal) return;
    if (this.#process === undefined) {
      // A call for the state that a fault has brought about makes it last.
      if (cause === 'crash') this.changes += 1;
      return;
    }
    this.#error = error;
    if (cause === 'crash') this.traceFault('node', this.crashKind, '');
    this.#kill(cause);
  }

  restart(): void {
    if (this.#isFinal) return;
    this.crash();
    // Listeners may have started it again, or ended the machine.
    if (!this.#canStart) return;
    this.changes += 1;
    this.start();
  }

  get #canStart(): boolean {
    return !this.#isFinal && this.#process === undefined;
  }

  /** As `restart`, after a fault: no caller can catch what the start throws. */
  recover(): void {
    const hooks = this.#hooks;
    const next = this.incarnation + 1;
    try {
      this.restart();
    } catch (error) {
      if (hooks.failed === undefined || isEndOfExecution(error)) throw error;
      // A listener to the end of the failed process may have started the one after it.
      hooks.failed(error, this.incarnation === next);
    }
  }

  pause(): void {
    if (this.#isFinal || this.state === 'down') return;
    this.changes += 1;
    if (this.state === 'paused') return;
    this.traceFault('node', 'pause', '');
    this.state = 'paused';
    this.#process?.clock.stop();
    this.#showState();
  }

  resume(): void {
    if (this.#isFinal || this.state !== 'paused') return;
    this.#continue();
  }

  slow(factor: number): void {
    if (this.#isFinal) return;
    if (factor > 1) this.traceFault('node', 'slow', '');
    this.#ownFactor = factor;
    this.#faultFactor = 1;
    this.#process?.clock.slow(this.#slowFactor);
  }

  slowByFault(factor: number): void {
    if (this.#isFinal) return;
    if (factor > 1) this.traceFault('node', 'slow', '');
    this.#faultFactor = factor;
    this.#process?.clock.slow(this.#slowFactor);
  }

  get #slowFactor(): number {
    return Math.max(this.#ownFactor, this.#faultFactor);
  }

  /**
   * A moment at which the exploration may inject a fault; if the topic does not say what arrives or is answered,
   * `words(about)` does.
   */
  strike<T>(moment: Moment, what: Topic, words?: (about: T) => string, about?: T): void {
    if (this.state === 'up') this.#strikes?.at(moment, what, words as MomentWords | undefined, about);
  }

  /** Faults have ended. */
  heal(): void {
    this.#strikes?.heal();
  }

  /** Leaves the process alive for good, and resumes it if it was paused. */
  stopFaults(): void {
    if (this.#isFinal) return;
    this.#isFinal = true;
    this.#strikes?.release();
    if (this.state === 'paused') this.#continue();
  }

  /**
   * Its first process has failed to start, and nothing will start another: reports do not name it, and a machine that
   * takes its place draws the numbers that it would have drawn.
   */
  discard(): void {
    this.#isFinal = true;
    const { processes, random } = this.#world;
    processes?.removeMachine(this);
    takeBackUse(random, useOf(this.name), this.#nth);
  }

  /** Kills the process for good; this is not a fault. */
  end(cause: 'leave' | 'stop'): void {
    if (this.#isFinal) return;
    this.#isFinal = true;
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

  #continue(): void {
    this.changes += 1;
    this.state = 'up';
    this.#process?.clock.resume();
    this.#hooks.resumed();
    this.#showState();
  }

  /** Name and state, for reports. */
  describe(): string {
    const why = this.state === 'down' && this.#error !== undefined ? ` since it failed: ${this.#error}` : '';
    return `${this.name} ${this.#stateText()}${why}`;
  }

  #stateText(): string {
    const { name, state, incarnation } = this;
    if (state === 'down' && this.#isFinal) return 'gone';
    return state === 'up' ? `up (${name}/${incarnation})` : state;
  }

  #showState(): void {
    this.#world.watchServices?.node(this.name, this.#stateText());
  }
}

function useOf(name: string): string {
  return `machine ${name}`;
}

/** Machines of one name, as in two networks, must not draw the same numbers. */
function randomOf({ random }: SimulatedWorld, name: string, nth: number): RandomStream {
  return nth === 1 ? random : random.fork(`${useOf(name)} ${nth}`);
}
