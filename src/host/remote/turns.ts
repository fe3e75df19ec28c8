/**
 * Turns of the event loop. Invariant: work that calls this between its steps delays timers and sockets by a few of its
 * steps at most, however many callers do so at the same time.
 */

/** Short enough that callers hardly notice. */
const TURN_MS = 10;

let lastMs = -Infinity;
/** Those that wait for a turn, the first one first. */
const waiting: (() => void)[] = [];

/**
 * Yields to the event loop if it has not had a turn for 10 ms. Small files are read and written synchronously, which is
 * fastest; but nothing else happens meanwhile, and not even a cancellation arrives.
 */
export async function giveTurns(): Promise<void> {
  if (!isTurnDue()) return;
  await new Promise<void>((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(giveTurn);
  });
}

/** One caller goes on in each turn: if all did, everything else on the event loop would wait for the steps of all of them. */
function giveTurn(): void {
  lastMs = performance.now();
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(giveTurn);
}

/**
 * True if the event loop has had no turn for 10 ms, counted from `sinceMs` or the last turn that {@link giveTurns}
 * gave, if that was later.
 */
export function isTurnDue(sinceMs: number = lastMs): boolean {
  return performance.now() - Math.max(sinceMs, lastMs) >= TURN_MS;
}
