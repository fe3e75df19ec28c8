/**
 * `setTimeout`, `setInterval`, `setImmediate` and the functions that clear them, as globals and in `node:timers`; and
 * `process.nextTick`.
 */
import timers from 'node:timers';
import { registerForwarding, TIMER_SETTERS } from '../../kernel/drain-real-functions.ts';
import { hub, type AmbientTimer, type TickCallback } from '../hub.ts';
import { alsoIn, standInFor, standIns, type StandIn } from './stand-in.ts';

type SetTimer = (this: unknown, callback: unknown, ms?: unknown, ...args: unknown[]) => NodeJS.Timeout;
type SetImmediate = (this: unknown, callback: unknown, ...args: unknown[]) => NodeJS.Immediate;
type NextTick = (this: unknown, callback: TickCallback, ...args: unknown[]) => void;
type Clear = (this: unknown, timer: unknown) => void;

/** Never written to. */
const NO_ARGS: unknown[] = [];
const isOutsideSimulation = (): boolean => hub.world === undefined;

function argumentsFrom(first: number, all: IArguments): unknown[] {
  return Array.prototype.slice.call(all, first) as unknown[];
}

/** Puts `setTimeout`, `setInterval`, `setImmediate`, what clears them, and `process.nextTick` under the control of a running simulation. */
export function installTimers(): void {
  for (const setter of TIMER_SETTERS) {
    standInFor<SetTimer>(setter, globalThis, setter, (real) => {
      const standIn: SetTimer = function (callback, ms) {
        const { world } = hub;
        const isReal = world === undefined || typeof callback !== 'function';
        if (arguments.length <= 2) {
          return isReal ? real(callback, ms) : world.setTimer(setter, callback, ms, NO_ARGS);
        }
        // eslint-disable-next-line prefer-rest-params -- a rest parameter would be a new array for each call, also without arguments
        const args = argumentsFrom(2, arguments);
        return isReal ? real(callback, ms, ...args) : world.setTimer(setter, callback, ms, args);
      };
      registerForwarding(standIn, real, isOutsideSimulation);
      return standIn;
    });
  }
  standInFor('setImmediate', globalThis, 'setImmediate', (real: SetImmediate) => {
    const standIn: SetImmediate = function (callback) {
      const { world } = hub;
      const isReal = world === undefined || typeof callback !== 'function';
      if (arguments.length <= 1) return isReal ? real(callback) : world.setImmediate(callback, NO_ARGS);
      // eslint-disable-next-line prefer-rest-params -- as above
      const args = argumentsFrom(1, arguments);
      return isReal ? real(callback, ...args) : world.setImmediate(callback, args);
    };
    registerForwarding(standIn, real, isOutsideSimulation);
    return standIn;
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
  if (process.nextTick === ticks?.before.value) Reflect.defineProperty(process, 'nextTick', ticks.now);
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
