/** Turns of the event loop. Invariant: work that asks here between its steps lets timers and sockets wait no longer than a few of its steps. */

/** A caller hardly notices that long. */
const TURN_MS = 10;

let lastMs = -Infinity;

/**
 * Lets others have a turn if they have had none for a while. Small files are read and written in the call, which is fastest; but nothing
 * else happens meanwhile, not even that a cancel arrives.
 */
export async function giveTurns(): Promise<void> {
  if (!isTurnDue()) return;
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      lastMs = performance.now();
      resolve();
    });
  });
}

/** Whether others have had no turn since then, or the last one that {@link giveTurns} gave, for a while. */
export function isTurnDue(sinceMs: number = lastMs): boolean {
  return performance.now() - Math.max(sinceMs, lastMs) >= TURN_MS;
}
