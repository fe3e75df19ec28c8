/**
 * `setTimeout`, `setInterval`, `setImmediate` and the functions that clear them, as globals and in `node:timers`; and
 * `process.nextTick`.
 */
import timers from 'node:timers';
import { registerForwarding, TIMER_SETTERS } from '../../kernel/drain-real-functions.ts';
import { hub, type AmbientTimer, type TickCallback } from '../hub.ts';
import { alsoIn, standInFor, standIns, type StandIn } from './stand-in.ts';

type SetTimer = (this: unknown, callback: unknown, ms?: unknown, ...args: unknown[]) => NodeJS.Timeout;
type NextTick = (this: unknown, callback: TickCallback, ...args: unknown[]) => void;
type Clear = (this: unknown, timer: unknown) => void;

const isOutsideSimulation = (): boolean => hub.world === undefined;

/** Puts `setTimeout`, `setInterval`, `setImmediate`, what clears them, and `process.nextTick` under the control of a running simulation. */
export function installTimers(): void {
  for (const setter of TIMER_SETTERS) {
    standInFor<SetTimer>(setter, globalThis, setter, (real) => {
      const standIn: SetTimer = (callback, ms, ...args) => {
        const { world } = hub;
        if (world === undefined || typeof callback !== 'function') return real(callback, ms, ...args);
        return world.setTimer(setter, callback, ms, args);
      };
      registerForwarding(standIn, real, isOutsideSimulation);
      return standIn;
    });
  }
  standInFor('setImmediate', globalThis, 'setImmediate', (real: typeof setImmediate) => {
    const standIn = (callback: (...args: unknown[]) => void, ...args: unknown[]): NodeJS.Immediate => {
      const { world } = hub;
      if (world === undefined || typeof callback !== 'function') return real(callback, ...args);
      return world.setImmediate(callback, args);
    };
    registerForwarding(standIn, real, isOutsideSimulation);
    return standIn as typeof setImmediate;
  });
  // A timer of a simulation is recognized outside it too.
  for (const key of ['clearTimeout', 'clearInterval', 'clearImmediate'] as const) {
    const kind = key === 'clearImmediate' ? 'Immediate' : 'Timeout';
    standInFor<Clear>(key, globalThis, key, (real: Clear) => (timer) => {
      if (!clearAmbient(kind, timer)) real(timer);
    });
  }
  alsoIn(timers, 'node:timers', globalThis);
  installTicks();
}

const TICKS = 'process.nextTick';

/**
 * Ticks run in Node's queue and order. They are counted, because Node itself never leaves an endless loop of them.
 * Optional: code may replace it.
 */
function installTicks(): void {
  const countTicks = (real: NextTick): NextTick => {
    return (callback, ...args) => {
      const { world } = hub;
      const counts = world !== undefined && typeof callback === 'function';
      real(counts ? world.tick(callback) : callback, ...args);
    };
  };
  standInFor<NextTick>(TICKS, process, 'nextTick', countTicks, true);
}

let ticks: StandIn | undefined;

/** Undoes a reset by Vitest: whenever it reports something, it puts back the `nextTick` that it found at its start. */
export function keepTicksCounted(): void {
  ticks ??= standIns.find(({ name }) => name === TICKS);
  if (process.nextTick === ticks?.before.value) process.nextTick = ticks.now.value as typeof process.nextTick;
}

/**
 * Clears a timer of a simulation; true if nothing is left for the machine to clear. The object may belong to a
 * simulation that is over; a number always refers to the current one.
 */
function clearAmbient(kind: 'Timeout' | 'Immediate', timer: unknown): boolean {
  if (typeof timer === 'object' && timer !== null) {
    if (!('clearInSimulation' in timer)) return false;
    // As in Node, each function clears only its own kind.
    if (timer.constructor.name === kind) (timer as AmbientTimer).clearInSimulation();
    return true;
  }
  if (hub.world === undefined || timer === undefined || timer === null) return false;
  if (kind === 'Timeout' && (typeof timer === 'number' || typeof timer === 'string')) hub.world.clear(timer);
  return true;
}
