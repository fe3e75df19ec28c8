/**
 * `queueMicrotask`. For code under test it is the engine's own, and counted. A test runner may queue work of its own, such as
 * forwarding printed lines, while code of a simulation runs; that work runs outside the simulation, because it draws
 * numbers and sets timers that do not belong to it.
 */
import { hub } from '../hub.ts';
import { standInFor } from './stand-in.ts';

type Queue = (callback: () => void) => void;

/** Keeps what the test runner queues with `queueMicrotask` out of a running simulation. */
export function installMicrotasks(): void {
  const make =
    (real: Queue): Queue =>
    (callback) => {
      const { world } = hub;
      if (world === undefined || typeof callback !== 'function') real(callback);
      else if (world.isCalledByTool()) real(outside(callback));
      else {
        world.countMicrotask();
        real(callback);
      }
    };
  standInFor('queueMicrotask', globalThis, 'queueMicrotask', make, true);
}

/** Runs `callback` outside any simulation. */
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
