/**
 * The functions of the machine by which the drain takes turns of the real event loop. Invariant: they are the real ones also where code
 * under test sees others, because whatever loads this file first takes them, and every other copy of the package in the same thread
 * takes those.
 */

/** See {@link realFunctions}. */
export interface RealFunctions {
  readonly setTimeout: typeof setTimeout;
  readonly clearTimeout: typeof clearTimeout;
  readonly setImmediate: typeof setImmediate;
  readonly nextTick: typeof process.nextTick;
}

const KEY = Symbol.for('dryrunner.real-functions');

// Contexts of `node:vm` have globals of their own, but one `process`.
const thread = process as unknown as { [KEY]: RealFunctions | undefined };

/** What the thread had when the first copy of this file was loaded. */
export const realFunctions: RealFunctions = (thread[KEY] ??= Object.freeze({
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setImmediate: globalThis.setImmediate,
  nextTick: process.nextTick.bind(process),
}));

/** Something in the place of a function. */
interface HandingOn {
  readonly behind: unknown;
  readonly isOpen: (() => boolean) | undefined;
}

const HANDING_ON = Symbol.for('dryrunner.handing-on');
const shared = process as unknown as { [HANDING_ON]: WeakMap<object, HandingOn> | undefined };
const handingOn = (shared[HANDING_ON] ??= new WeakMap());

/** Says that `standIn` hands its calls on to `behind`: always, or whenever `isOpen` says so. */
export function noteHandingOn(standIn: object, behind: unknown, isOpen?: () => boolean): void {
  handingOn.set(standIn, { behind, isOpen });
}

/** Whether code that calls this global now reaches the machine, through whatever hands on to it. Fake timers of a test do not. */
export function reachesMachine(name: 'setTimeout' | 'setImmediate'): boolean {
  const real: unknown = realFunctions[name];
  let seen: unknown = globalThis[name];
  while (seen !== real) {
    const found = handingOn.get(seen as object);
    if (found === undefined || found.isOpen?.() === false) return false;
    seen = found.behind;
  }
  return true;
}
