/**
 * `process.nextTick` and `queueMicrotask` as one simulation finds them. A package may have wrapped them for good before,
 * and code may replace them while it runs; invariant: what the simulation found is there again after its end.
 */
import { isStandIn } from './stand-in.ts';
import { keepTicksCounted } from './timers.ts';

const ticks = process as { nextTick: unknown };
const microtasks = globalThis as { queueMicrotask: unknown };

/** See above; made when the simulation begins. */
export class QueueFunctions {
  readonly #nextTick = ticks.nextTick;
  readonly #queueMicrotask = microtasks.queueMicrotask;

  /** The name of one that was replaced meanwhile; undefined if there is none. */
  replaced(): string | undefined {
    // Vitest may have put back the original.
    keepTicksCounted();
    if (isAnother(ticks.nextTick, this.#nextTick)) return 'process.nextTick';
    return isAnother(microtasks.queueMicrotask, this.#queueMicrotask) ? 'queueMicrotask' : undefined;
  }

  restore(): void {
    if (isAnother(ticks.nextTick, this.#nextTick)) ticks.nextTick = this.#nextTick;
    if (isAnother(microtasks.queueMicrotask, this.#queueMicrotask)) {
      microtasks.queueMicrotask = this.#queueMicrotask;
    }
  }
}

function isAnother(now: unknown, found: unknown): boolean {
  return now !== found && !isStandIn(now);
}
