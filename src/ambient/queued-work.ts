/**
 * Counts what one event of a simulation queues: the callbacks of `process.nextTick`, which run in Node's order,
 * microtasks and timers. Invariant: a loop that queues without an end ends when it exceeds the limit, before it has used
 * up the memory; one of ticks also once the simulation is cut off.
 */
import { announceUncaught } from '../kernel/drain-host.ts';
import type { RunnerError } from '../kernel/errors.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import { formatCount } from '../model/plural.ts';
import type { TickCallback } from './hub.ts';
import type { OutsideGate } from './outside-gate.ts';

/** How much one event of a simulation may queue. */
export interface QueueLimits {
  readonly ticks: number;
  /** Microtasks and timers. */
  readonly others: number;
}

/** See the top of the file. */
export class QueuedWork {
  readonly #clock: VirtualClock;
  readonly #limits: QueueLimits;
  readonly #gate: OutsideGate;
  #event = 0;
  #ticks = 0;
  #others = 0;
  #isStopped = false;

  constructor(clock: VirtualClock, limits: QueueLimits, gate: OutsideGate) {
    this.#clock = clock;
    this.#limits = limits;
    this.#gate = gate;
  }

  /** Counts a microtask or timer. Throws, and fails the simulation, if it is one too many. */
  count(what: string): void {
    this.#beginEvent();
    this.#others += 1;
    // Node sets an immediate after an error that nothing catches, and must not fail in that.
    if (this.#others > this.#limits.others && !this.#gate.isCalledByOthers()) {
      throw this.#endless(what, this.#limits.others);
    }
  }

  #beginEvent(): void {
    const { fired } = this.#clock;
    if (fired === this.#event) return;
    this.#event = fired;
    this.#ticks = 0;
    this.#others = 0;
  }

  #endless(what: string, max: number): RunnerError {
    return this.#gate.fail(
      'error',
      'RUNNER_ENDLESS_TICKS',
      `A loop without an end: ${what} is called`,
      ` more than ${formatCount(max)} times in one event. ambientTime({ maxTicks }) allows more`,
    );
  }

  /** See `AmbientWorld`. */
  tick(callback: TickCallback): TickCallback {
    this.#beginEvent();
    this.#ticks += 1;
    if (this.#ticks > this.#limits.ticks) throw this.#endless('process.nextTick', this.#limits.ticks);
    return (...args) => {
      if (this.#isStopped) return;
      try {
        callback(...args);
      } catch (error) {
        // Thrown through Node, it would corrupt Node's stack of async ids for the code that began this turn of the
        // event loop.
        announceUncaught(error);
      }
    };
  }

  /** See `AmbientWorld`. */
  stop(): void {
    this.#isStopped = true;
  }
}
