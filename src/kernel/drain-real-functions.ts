/**
 * The machine's functions by which the drain takes turns of the real event loop. Invariant: they are the real ones even
 * where code under test sees others, because the first copy of this file that is loaded in a thread captures them, and
 * all later copies of the package use those.
 */

/** See {@link realFunctions}. */
export interface RealFunctions {
  readonly setTimeout: typeof setTimeout;
  readonly clearTimeout: typeof clearTimeout;
  readonly setImmediate: typeof setImmediate;
  readonly clearImmediate: typeof clearImmediate;
  readonly nextTick: typeof process.nextTick;
  /** Milliseconds from any fixed starting point. */
  readonly now: () => number;
}

/** The globals that set a timer. */
export const TIMER_SETTERS = ['setTimeout', 'setInterval'] as const;

/** One of {@link TIMER_SETTERS}. */
export type TimerSetter = (typeof TIMER_SETTERS)[number];

const KEY = Symbol.for('dryrunner.real-functions.3');

// Contexts of `node:vm` have their own globals, but share one `process`.
const thread = process as unknown as { [KEY]: RealFunctions | undefined };

/** The functions that the thread had when the first copy of this file was loaded. */
export const realFunctions: RealFunctions = (thread[KEY] ??= Object.freeze({
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setImmediate: globalThis.setImmediate,
  clearImmediate: globalThis.clearImmediate,
  nextTick: process.nextTick.bind(process),
  now: globalThis.performance.now.bind(globalThis.performance),
}));

/** A replacement that forwards its calls. */
interface Forwarding {
  readonly target: unknown;
  readonly isOpen: (() => boolean) | undefined;
}

const FORWARDING = Symbol.for('dryrunner.handing-on');
const shared = process as unknown as { [FORWARDING]: WeakMap<object, Forwarding> | undefined };
const forwarding = (shared[FORWARDING] ??= new WeakMap());

/** Records that `standIn` forwards its calls to `behind`: always, or whenever `isOpen` returns true. */
export function registerForwarding(standIn: object, target: unknown, isOpen?: () => boolean): void {
  forwarding.set(standIn, { target, isOpen });
}

/**
 * True if calling this global now reaches the machine, through any number of forwarding replacements. False with fake
 * timers of a test.
 */
export function reachesMachine(name: 'setTimeout' | 'setImmediate'): boolean {
  const real: unknown = realFunctions[name];
  let seen: unknown = globalThis[name];
  while (seen !== real) {
    const found = forwarding.get(seen as object);
    if (found === undefined || found.isOpen?.() === false) return false;
    seen = found.target;
  }
  return true;
}
