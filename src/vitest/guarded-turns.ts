/**
 * The turns of the event loop that the simulations of one test take, ended when the test runs out of time: between two
 * events by an exception, and inside an endless loop (of statements or promise reactions) by the engine. Invariant:
 * after either, the thread is free again, code sees the machine's own globals, and the simulation that was running has
 * a verdict.
 */
import { Script } from 'node:vm';
import { hub } from '../ambient/hub.ts';
import { ExecutionInterrupted } from '../kernel/decisions.ts';
import { withholdRejections } from '../kernel/drain-host.ts';
import { DrainSlices } from '../kernel/drain-slices.ts';
import { realFunctions } from '../kernel/drain-real-functions.ts';
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

/** Real time in milliseconds, from any fixed starting point. */
export type RealNow = () => number;

/** The turns of one test, and its time limit. */
export class GuardedTurns {
  readonly #now: RealNow;
  readonly #deadline: number;
  readonly #patienceMs: number;
  readonly #latePatienceMs: number;
  readonly #why: string;
  readonly #isShared: boolean;
  #sliceEnd = 0;
  #isStuck = false;

  /**
   * Limits the turns to the next `timeMs`; `why` is the message of an execution that is cut off. With `isShared`, one
   * guard covers many executions: the work between them is then guarded too, and must be short.
   */
  constructor(now: RealNow, timeMs: number, why: string, isShared = false) {
    this.#isShared = isShared;
    this.#now = now;
    this.#deadline = now() + timeMs;
    this.#patienceMs = Math.max(PATIENCE_MS_LEAST, timeMs * PATIENCE);
    this.#latePatienceMs = Math.max(LATE_PATIENCE_MS_LEAST, timeMs * LATE_PATIENCE);
    this.#why = why;
  }

  /** True if an endless loop had to be stopped. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** The options to start a simulation with. */
  get options(): Pick<SimulateOptions, 'onTurn' | 'nextTurn'> {
    const slices = new DrainSlices({
      isShared: this.#isShared,
      around: (work) => this.#guard(work, slices),
      isOver: () => this.#now() >= this.#sliceEnd,
    });
    return {
      nextTurn: slices.nextTurn,
      onTurn: () => {
        if (this.#isLate(this.#now())) throw new ExecutionInterrupted(this.#why);
      },
    };
  }

  #isLate(now: number): boolean {
    return this.#isStuck || now >= this.#deadline;
  }

  #guard(work: () => void, slices: DrainSlices): void {
    const now = this.#now();
    this.#sliceEnd = now + SLICE_MS;
    const leftMs = this.#isLate(now) ? this.#latePatienceMs : this.#deadline - now + this.#patienceMs;
    if (!(leftMs < GUARD_MS_MAX)) {
      work();
      return;
    }
    const before = host[WORK];
    host[WORK] = work;
    try {
      script.runInThisContext({ timeout: Math.ceil(leftMs) });
    } catch (error) {
      if ((error as NodeJS.ErrnoException | undefined)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      this.#end(error, slices);
    } finally {
      host[WORK] = before;
    }
  }

  /** Starts the turn that was stopped again, so that it learns at once that time is up. */
  #end(error: unknown, slices: DrainSlices): never {
    this.#isStuck = true;
    hub.world?.stopTicks();
    hub.world = undefined;
    const release = withholdRejections((reason) => reason === error, 'uncaughtException');
    realFunctions.setImmediate(release);
    if (slices.current !== undefined) slices.again(slices.current);
    // The engine resets its stack of async ids only when an error leaves all JavaScript.
    throw error;
  }
}
