/**
 * Timers and the clock of the machine, as they were when this file was loaded: a module of the user's may install fake
 * ones. What supervises user code in its own process uses these.
 */
import { TIMER_MS_MAX } from '../kernel/int32.ts';

const {
  setTimeout: startTimer,
  clearTimeout: endTimer,
  setInterval: startTicker,
  clearInterval: endTicker,
} = globalThis;

/** Calls `fire` after that time, at most {@link TIMER_MS_MAX}. */
export function setTimeout(fire: (value?: unknown) => void, ms: number): NodeJS.Timeout {
  return startTimer(fire, Math.min(ms, TIMER_MS_MAX));
}

/** As the global one. */
export const clearTimeout: (timer: NodeJS.Timeout | undefined) => void = endTimer;

/** As the global one. */
export const setInterval: (fire: () => void, ms: number) => NodeJS.Timeout = startTicker;

/** As the global one. */
export const clearInterval: (ticker: NodeJS.Timeout | undefined) => void = endTicker;

/** As the global one, with its time alone. */
export const performance: { now(): number } = {
  now: globalThis.performance.now.bind(globalThis.performance),
};
