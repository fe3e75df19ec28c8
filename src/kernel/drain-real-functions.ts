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
