/**
 * Ends loops of `process.nextTick` that the engine has cut off: by then their next callback may be queued, and Node calls
 * it later, where nothing guards it. Node's queue cannot be emptied from outside, but a hook of async resources sees each
 * tick as it is queued, and can take out its callback.
 */
import { createHook } from 'node:async_hooks';

/** What Node queues for a tick. */
interface Tick {
  callback: () => void;
}

/**
 * Ticks that are queued from now on do nothing, after the first `ticksMax` of them. Returns a function that ends this.
 * Meanwhile only what is to be ended may run: the ticks of all code are the same to Node.
 */
export function dropTicksAfter(ticksMax: number): () => void {
  let ticks = 0;
  const hook = createHook({
    init(_asyncId, type, _triggerId, resource) {
      if (type !== 'TickObject') return;
      ticks += 1;
      if (ticks > ticksMax) (resource as Tick).callback = () => {};
    },
  });
  hook.enable();
  return () => void hook.disable();
}
