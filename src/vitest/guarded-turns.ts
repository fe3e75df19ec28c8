/**
 * The turns of the event loop that the simulations of one test take, ended when its time is up: between two events by an exception, and in
 * the midst of a loop that has no end, of statements or of promise reactions, by the engine. Invariant: after either, the thread is given back,
 * code sees the machine's own globals, and the simulation that was on has a verdict.
 */
import { Script } from 'node:vm';
import { hub } from '../ambient/hub.ts';
import { ExecutionInterrupted } from '../kernel/decisions.ts';
import { withholdRejections } from '../kernel/drain-host.ts';
import { DrainSlices } from '../kernel/drain-slices.ts';
import { realFunctions } from '../kernel/drain-real-functions.ts';
import type { SimulateOptions } from '../simulation/simulate-options.ts';

/** Guarding costs some 50 to 400 µs, as much as several executions: it is done once for all that come within this time. */
const SLICE_MS = 50;
/** How much longer than its time a turn may take that has an end, in parts of that time. */
const PATIENCE = 0.1;
const PATIENCE_MS_LEAST = 20;
/** The same for what begins when its time is up, which is to end an execution and to judge it: to end that would leave no verdict. */
const LATE_PATIENCE = 0.25;
const LATE_PATIENCE_MS_LEAST = 1_000;
/** The longest time that the engine takes. */
const GUARD_MS_MAX = 2 ** 31 - 1;

const WORK = Symbol.for('dryrunner.guarded-turn');
/** The script runs in the first context of the thread, in pools of Vitest that make others too: of what both see, `process` is one. */
const host = process as unknown as { [WORK]: (() => void) | undefined };
/** Named like a module of Node's, so that no stack shows it. */
const script = new Script('process[Symbol.for("dryrunner.guarded-turn")]()', {
  filename: 'node:internal/dryrunner',
});

/** Milliseconds since any fixed moment, of the machine. */
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
   * Those of the next `timeMs`; `why` is the sentence for what is cut off. Guarded once for many executions, if `isShared`: then all that is
   * done between them is guarded too, and must be short.
   */
  constructor(now: RealNow, timeMs: number, why: string, isShared = false) {
    this.#isShared = isShared;
    this.#now = now;
    this.#deadline = now() + timeMs;
    this.#patienceMs = Math.max(PATIENCE_MS_LEAST, timeMs * PATIENCE);
    this.#latePatienceMs = Math.max(LATE_PATIENCE_MS_LEAST, timeMs * LATE_PATIENCE);
    this.#why = why;
  }

  /** True if a loop without an end had to be ended. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** What a simulation is to be started with. */
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

  /** The turn that was cut off is begun again, to hear at once that its time is up. */
  #end(error: unknown, slices: DrainSlices): never {
    this.#isStuck = true;
    hub.world?.stopTicks();
    hub.world = undefined;
    const release = withholdRejections((reason) => reason === error, 'uncaughtException');
    realFunctions.setImmediate(release);
    if (slices.current !== undefined) slices.again(slices.current);
    // The engine's stack of async ids is only put in order where it comes out of everything.
    throw error;
  }
}
