/**
 * Waits for files that what was loaded still reads or writes, as `tsx` writes its cache of compiled modules. Without
 * that, a simulation that stands still meanwhile would seem to wait for them.
 */
import { performance, setTimeout } from '../threads/real-timers.ts';

/** A module may read or write files for as long as it lives, and a busy machine takes its time for a few. */
const SETTLED_MS_MAX = 5_000;
const LOOK_EVERY_MS = 1;
/**
 * What Node calls requests to the file system, such as those of the cache of `tsx`. Node 26 does not list a `readFile`, so
 * that is not waited for.
 */
export const FILE_REQUEST: RegExp = /^(?:FSReq|FileHandleCloseReq)/;

/** Resolves once no request to the file system is under way in this thread, or after five seconds. */
export async function filesSettled(): Promise<void> {
  const startedAt = performance.now();
  while (process.getActiveResourcesInfo().some((kind) => FILE_REQUEST.test(kind))) {
    if (performance.now() - startedAt >= SETTLED_MS_MAX) return;
    await new Promise((resolve) => {
      setTimeout(resolve, LOOK_EVERY_MS);
    });
  }
}
