// Drives a virtual clock for tests in which promises wait for it.
import { setImmediate as turn } from 'node:timers/promises';
import type { VirtualClock } from '../../../src/kernel/virtual-clock.ts';

/** Steps the clock until the promise settles. */
export async function runOn<T>(clock: VirtualClock, promise: PromiseLike<T>): Promise<T> {
  const state = { settled: false };
  void promise.then(() => (state.settled = true));
  for (let steps = 0; steps < 1000; steps++) {
    await turn();
    if (state.settled) return promise;
    clock.step();
  }
  throw new Error('it does not end');
}
