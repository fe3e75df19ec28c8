/**
 * `queueMicrotask`, which is the engine's own for code under test. A test runner queues what it sends on, such as lines that were printed, while
 * code of a simulation runs: there it draws numbers and sets timers of its own, which are none of the simulation's.
 */
import { hub } from '../hub.ts';
import { standInFor } from './stand-in.ts';

type Queue = (callback: () => void) => void;

export function installMicrotasks(): void {
  const make =
    (real: Queue): Queue =>
    (callback) => {
      const isOfTool = typeof callback === 'function' && hub.world?.isCalledByTool() === true;
      real(isOfTool ? outside(callback) : callback);
    };
  standInFor('queueMicrotask', globalThis, 'queueMicrotask', make, true);
}

/** The same where no simulation is. */
function outside(callback: () => void): () => void {
  return () => {
    const { world, awaits } = hub;
    hub.world = undefined;
    hub.awaits = undefined;
    try {
      callback();
    } finally {
      hub.world = world;
      hub.awaits = awaits;
    }
  };
}
