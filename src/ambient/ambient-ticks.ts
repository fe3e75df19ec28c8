/**
 * The `process.nextTick` callbacks of one simulation: they run in Node's order, and are counted. Invariant: an endless
 * loop of ticks ends, when it exceeds the limit or once the simulation is cut off.
 */
import { announceUncaught } from '../kernel/drain-host.ts';
import type { VirtualClock } from '../kernel/virtual-clock.ts';
import { formatCount } from '../model/plural.ts';
import type { TickCallback } from './hub.ts';
import type { OutsideGate } from './outside-gate.ts';

/** See the top of the file. */
export class AmbientTicks {
  readonly #clock: VirtualClock;
  readonly #max: number;
  readonly #gate: OutsideGate;
  #event = 0;
  #count = 0;
  #isStopped = false;

  /** `max` is the number of ticks that one event may lead to. */
  constructor(clock: VirtualClock, max: number, gate: OutsideGate) {
    this.#clock = clock;
    this.#max = max;
    this.#gate = gate;
  }

  /** See `AmbientWorld`. */
  tick(callback: TickCallback): TickCallback {
    const { fired } = this.#clock;
    if (fired !== this.#event) {
      this.#event = fired;
      this.#count = 0;
    }
    this.#count += 1;
    if (this.#count > this.#max) {
      throw this.#gate.fail(
        'error',
        'RUNNER_ENDLESS_TICKS',
        'A loop without an end: process.nextTick is called',
        ` more than ${formatCount(this.#max)} times in one event. ambientTime({ maxTicks }) allows more`,
      );
    }
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
