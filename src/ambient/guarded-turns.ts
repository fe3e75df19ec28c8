/**
 * The turns of the event loop that simulations take, ended when their time is up: between two events by an exception,
 * and inside an endless loop (of statements or promise reactions) by the engine. Invariant: after either, the thread is
 * free again, code sees the machine's own globals, and the simulation that was running has a verdict.
 */
import { url as debuggerUrl } from 'node:inspector';
import { Script } from 'node:vm';
import { hub } from './hub.ts';
import { leaveOutsideLoops, type LoopingFrame, takeEndedLoop, watchOutsideLoops } from './outside-loops.ts';
import { ExecutionInterrupted } from '../kernel/decisions.ts';
import { withholdRejections } from '../kernel/drain-host.ts';
import { DrainSlices, type SliceGuard } from '../kernel/drain-slices.ts';
import { isFastDrainExact, runReactions } from '../kernel/drain-fast.ts';
import { realFunctions } from '../kernel/drain-real-functions.ts';
import { setStackLimit } from '../kernel/drain-stack-limit.ts';
import { dropTicksAfter } from './tick-loops.ts';
import { noteCutOff } from '../simulation/simulate.ts';
import type { SimulateOptions } from '../simulation/simulate-options.ts';

/**
 * A guard costs some 50 to 400 µs, as much as several executions, so one guard covers everything that runs within this
 * time.
 */
const SLICE_MS = 50;
/** Grace period for a turn that runs over the deadline, as a part of the time limit. */
const PATIENCE = 0.1;
const PATIENCE_MS_LEAST = 20;
/**
 * The same for a turn that begins after the deadline in order to end an execution and judge it; stopping that would
 * leave no verdict.
 */
const LATE_PATIENCE = 0.25;
const LATE_PATIENCE_MS_LEAST = 1_000;
/** Code between two turns gets this many times as long as a turn, whose guard has to strike first. */
const OUTSIDE_FACTOR = 1.2;
/** Code without a loop queues fewer ticks in one turn. */
const TICKS_LEFT_MAX = 10_000;
/** The longest timeout that the engine accepts. */
const GUARD_MS_MAX = 2 ** 31 - 1;

const WORK = Symbol.for('dryrunner.guarded-turn');
/**
 * `process` holds the work, because it is the object that all contexts share: the script runs in the first context of
 * the thread, and some pools of Vitest create others.
 */
const host = process as unknown as { [WORK]: (() => void) | undefined };
/** Named like a module of Node, so that stacks do not show it. */
const script = new Script('process[Symbol.for("dryrunner.guarded-turn")]()', {
  filename: 'node:internal/dryrunner',
});

/** Returns the error of the engine if it ended the work, which took longer. */
function runWithin(limitMs: number, work: () => void): Error | undefined {
  const before = host[WORK];
  host[WORK] = work;
  try {
    script.runInThisContext({ timeout: Math.ceil(limitMs) });
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException | undefined)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    return error as Error;
  } finally {
    host[WORK] = before;
  }
}

/** Real time in milliseconds, from any fixed starting point. */
export type RealNow = () => number;

/** What ends the turns of simulations. */
export interface TurnLimits {
  readonly now: RealNow;
  /** How long all of them together may take from now on. Default: any time. */
  readonly timeMs?: number;
  /** How long each of them may take. Default: any time. */
  readonly turnMs?: number;
  /** Message of an execution that is cut off. */
  readonly why: string;
  /**
   * True: one guard covers many executions; the work between them is then guarded too, and must be short. Default
   * false.
   */
  readonly isShared?: boolean;
}

/** A turn that the engine had to end. */
export interface EndedTurn {
  /** Number of turns so far, including this one. */
  readonly turns: number;
  readonly durationMs: number;
  /** Processor time that this process has used meanwhile. */
  readonly busyMs: number;
  /** Where it was, innermost function first; known only of code that ran between two turns. */
  readonly frames?: readonly LoopingFrame[];
}

/**
 * Returns a function that restores how stacks are shown now. Code that the engine ends may have changed that for a
 * moment, and its `finally` does not run.
 */
function saveStackSettings(): () => void {
  const restoreLimit = setStackLimit();
  const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  return () => {
    restoreLimit();
    if (before === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
    else Reflect.defineProperty(Error, 'prepareStackTrace', before);
  };
}

/** While Node loads a module for a simulation, its world is in force between two turns, and with it its clock. */
function seeMachine(): void {
  hub.world?.leave();
}

/** The turns of one test, or of one run of a scenario, and their limits. */
export class GuardedTurns implements SliceGuard {
  readonly #slices = new DrainSlices(this);
  readonly #onEnded = (): void => this.#slices.queueAgain();
  readonly #now: RealNow;
  readonly #limits: TurnLimits;
  readonly #deadline: number;
  readonly #patienceMs: number;
  readonly #latePatienceMs: number;
  #sliceEnd = 0;
  #turns = 0;
  #endedTurn: EndedTurn | undefined;

  constructor(limits: TurnLimits) {
    const { now, timeMs = Infinity } = limits;
    this.#limits = limits;
    this.#now = now;
    this.#deadline = now() + timeMs;
    this.#patienceMs = Math.max(PATIENCE_MS_LEAST, timeMs * PATIENCE);
    const latePatienceMs = Math.max(LATE_PATIENCE_MS_LEAST, timeMs * LATE_PATIENCE);
    this.#latePatienceMs = latePatienceMs < GUARD_MS_MAX ? latePatienceMs : LATE_PATIENCE_MS_LEAST;
  }

  /** The turn, or what ran after it, that the engine had to end, if there was one. */
  get endedTurn(): EndedTurn | undefined {
    const frames = takeEndedLoop();
    if (frames !== undefined) {
      const durationMs = this.#outsideMs;
      this.#endedTurn ??= { turns: this.#turns, durationMs, busyMs: durationMs, frames };
    }
    return this.#endedTurn;
  }

  /** True if an endless loop had to be stopped. */
  get isStuck(): boolean {
    return this.endedTurn !== undefined;
  }

  get #outsideMs(): number {
    const { turnMs = Infinity } = this.#limits;
    return Math.max(turnMs, this.#latePatienceMs) * OUTSIDE_FACTOR;
  }

  /** Ends what watches code between turns. */
  end(): void {
    leaveOutsideLoops(this.#onEnded);
  }

  get isShared(): boolean {
    return this.#limits.isShared === true;
  }

  /** The options to start one simulation with. Each gets functions of its own: see docs/internals.md#threads. */
  get options(): Required<Pick<SimulateOptions, 'onTurn' | 'nextTurn'>> {
    return {
      nextTurn: (...turn) => this.#slices.nextTurn(...turn),
      onTurn: () => this.#endIfLate(),
    };
  }

  noteIdle(): void {
    if (this.#outsideMs >= GUARD_MS_MAX) return;
    watchOutsideLoops(this.#outsideMs, this.#onEnded);
  }

  isOver(): boolean {
    return this.#now() >= this.#sliceEnd;
  }

  #endIfLate(): void {
    if (this.#isLate(this.#now())) throw new ExecutionInterrupted(this.#limits.why);
  }

  #isLate(now: number): boolean {
    return this.isStuck || now >= this.#deadline;
  }

  around(work: () => void): void {
    seeMachine();
    const now = this.#now();
    this.#sliceEnd = now + SLICE_MS;
    this.#turns += 1;
    const { turnMs = Infinity } = this.#limits;
    const leftMs = this.#isLate(now)
      ? this.#latePatienceMs
      : Math.min(this.#deadline - now + this.#patienceMs, turnMs);
    // At a breakpoint a turn may take any time.
    if (!(leftMs < GUARD_MS_MAX) || debuggerUrl() !== undefined) {
      work();
      return;
    }
    const { user, system } = process.cpuUsage();
    const restoreStacks = saveStackSettings();
    const timeout = runWithin(leftMs, work);
    if (timeout === undefined) return;
    // Before the clocks are read: the code that was stopped saw those of its simulation.
    hub.world?.cutOff();
    noteCutOff();
    restoreStacks();
    const used = process.cpuUsage({ user, system });
    const busyMs = (used.user + used.system) / 1_000;
    this.#endedTurn ??= { turns: this.#turns, durationMs: this.#now() - now, busyMs };
    this.#end(timeout);
  }

  /** Starts the turn that was stopped again, so that it learns at once that time is up. */
  #end(error: unknown): never {
    const release = withholdRejections((reason) => reason === error, 'uncaughtException');
    realFunctions.setImmediate(release);
    const { current } = this.#slices;
    if (current !== undefined) this.#slices.again(current);
    this.#endTicks();
    // The engine resets its stack of async ids only when an error leaves all JavaScript.
    throw error;
  }

  /** Runs the ticks that a turn has left when it was ended, and no more than {@link TICKS_LEFT_MAX} that these queue. */
  #endTicks(): void {
    const runTicks = (): void => {
      if (isFastDrainExact()) runReactions();
    };
    for (const ticksMax of [TICKS_LEFT_MAX, 0]) {
      const keepTicks = dropTicksAfter(ticksMax);
      try {
        if (runWithin(this.#latePatienceMs, runTicks) === undefined) return;
      } finally {
        keepTicks();
      }
    }
  }
}
