/**
 * Ends what does not end by itself, on the machine's time. Invariant: it counts ticks that this process has really had, so that a
 * machine that stops it for a while does not cut it off.
 */
import type { Clock, Timer } from '../kernel/clock.ts';

const TICK_MS = 100;

/** What became of the work: its value, or that it was cut off. */
export type CutOff<T> = { readonly isCut: false; readonly value: T } | { readonly isCut: true };

/** Waits for the work, but no longer than that. The work itself goes on, unwatched. */
export async function withCutOff<T>(clock: Clock, ms: number, work: Promise<T>): Promise<CutOff<T>> {
  let timer: Timer | undefined;
  const cut = new Promise<CutOff<T>>((resolve) => {
    let ticks = Math.ceil(ms / TICK_MS);
    const tick = (): void => {
      ticks -= 1;
      if (ticks < 0) resolve({ isCut: true });
      else timer = clock.timer('cut-off', TICK_MS, tick);
    };
    tick();
  });
  try {
    return await Promise.race([work.then((value) => ({ isCut: false, value }) as const), cut]);
  } finally {
    timer?.cancel();
  }
}
