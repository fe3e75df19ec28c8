/**
 * A simulated machine with one process on it: it can crash, be restarted as a new incarnation, be stopped and be slow. What the process is,
 * a runner or anything else, is up to who makes it. Invariants: one process at most is alive; nothing of one that is dead is seen.
 */
import type { Topic } from '../kernel/question.ts';
import type { ClockSkew } from '../kernel/skewed-clock.ts';
import type { CrashKind } from '../model/faults.ts';
import type { RunID } from '../model/run-status.ts';
import type { BeforeEvent } from './node-clock.ts';
import { isEndOfExecution, NodeProcess, type ProcessHooks } from './node-process.ts';
import {
  canStrike,
  type Moment,
  type MomentWords,
  type NodeFaults,
  NodeStrikes,
  type StrikeTarget,
} from './node-strikes.ts';
import type { SimulatedWorld } from './simulation.ts';

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
export interface MachineHooks extends ProcessHooks {
  /** A process begins in that world: the `index`-th, from 0. What it throws comes out of the verb that started it. */
  started(world: SimulatedWorld, index: number): void;
  /** What a crash is now: of the whole machine, or of the process alone. Absent: of the whole machine. */
  readonly crashKind?: CrashKind;
  /** The process is dead. */
  wentDown(cause: DownCause): void;
  /** It goes on after a pause. */
  wentOn(): void;
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
