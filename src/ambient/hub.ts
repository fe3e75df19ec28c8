/**
 * The hub: where stand-ins for the machine's globals find the simulation whose code runs. Invariants: there is one hub
 * per thread, whichever copy of the package created it; this file and `globals/` import as little as possible, because
 * they are loaded before everything else in every process that uses them.
 */

import type { EscapeKind } from '../explore/escape.ts';
import type { TimerSetter } from '../kernel/drain-real-functions.ts';
import type { PerformanceTimeline } from './performance-timeline.ts';

/** A function that reaches the machine. */
export interface OutsideFunction {
  readonly kind: EscapeKind;
  /** The module it belongs to, or the global itself. */
  readonly area: string;
  /** Its name as written in code. */
  readonly name: string;
  /** What code under test can use instead. */
  readonly instead: string;
}

/** The callback of `process.nextTick`. */
export type TickCallback = (...args: unknown[]) => void;

/** What a simulation provides while its code runs. */
export interface AmbientWorld {
  setTimer(setter: TimerSetter, callback: unknown, ms: unknown, args: unknown[]): NodeJS.Timeout;
  setImmediate(callback: unknown, args: unknown[]): NodeJS.Immediate;
  /** Called for each `queueMicrotask`. Throws, and fails the simulation, if one event leads to an endless loop of them. */
  countMicrotask(): void;
  /**
   * The callback to run in place of `callback`. Throws, and fails the simulation, if one event leads to an endless loop
   * of ticks.
   */
  tick(callback: TickCallback): TickCallback;
  /**
   * The engine has stopped the code inside an endless loop: drops all ticks that have not run, and code sees the
   * machine's globals again.
   */
  cutOff(): void;
  /** From now on, code sees the machine's globals. */
  leave(): void;
  /** Called before a variable of `process.env` is changed. */
  changeVariable(name: string): void;
  /** Called before a listener is added to `process`. */
  addListener(event: string | symbol, listener: (...args: unknown[]) => void): void;
  /** Clears the timer with that number, if there is one. */
  clear(number: unknown): void;
  /** Date when the process began, in milliseconds since the Unix epoch. */
  readonly originMs: number;
  /** The value of `Date.now()`: milliseconds since the Unix epoch. */
  dateMs(): number;
  /** Milliseconds since the process began, with fractions; monotonic, and not 0 when the simulation begins. */
  now(): number;
  /** Timeline of the process whose code runs. */
  readonly timeline: PerformanceTimeline;
  /** The next random number, in [0, 1). */
  random(): number;
  /** Fills `bytes` with simulated entropy. */
  fill(bytes: Uint8Array): void;
  /**
   * Decides about a call that reaches the machine: undefined if it is not made by the simulation's code, an error that
   * refuses it, or the way back for its results.
   */
  outside(call: OutsideFunction): Error | WayBack | undefined;
  /**
   * Called while the machine creates a timer; `what` names the functions that do so. Returns the error that refuses it if
   * code of the simulation is the caller.
   */
  realTimer(what: string): Error | undefined;
  /** True if a test runner or a loader calls, and not code of the simulation. */
  isCalledByTool(): boolean;
  /** True if Node, a tool or this package calls, and not code of the simulation. */
  isCalledByOthers(): boolean;
  /** The result of `load`, such as an import, which is called outside of the simulation while that stands still. */
  held<T>(load: () => Promise<T>): Promise<T>;
}

/**
 * Brings results that the machine delivers later into a simulation: their callbacks run there, and the simulation waits
 * for them when nothing else is due.
 */
export interface WayBack {
  /** Makes the call. Node sees the machine's globals in it, and none of what it calls itself is refused. */
  letThrough<T>(call: () => T): T;
  bringPromise<T>(result: Promise<T>): Promise<T>;
  bringCallback(callback: (...args: unknown[]) => unknown, use: CallbackUse): BroughtCallback;
}

/**
 * What a call does with a callback. The machine owes a call of the callback for a `result`, and the simulation waits
 * for it. It calls a `listener` if something happens, which may be never. One that is `added` stays, is the same
 * function however often it is given, and can be `removed`.
 */
export type CallbackUse = 'result' | 'listener' | 'added' | 'removed';

/** A callback for the machine to call. */
export interface BroughtCallback {
  readonly callback: (...args: unknown[]) => void;
  /** The call that was given the callback has thrown: nothing is owed. */
  takeBack(): void;
}

/** A timer or an immediate of a simulation, recognized by its method, whichever copy of the package created it. */
export interface AmbientTimer {
  clearInSimulation(): void;
}

/** Called by rewritten code at each await; `site` identifies the await: `await in flush (queue.ts:12)`. */
export interface AwaitControl {
  /** The value to await instead of `value`. */
  awaited(value: unknown, site: string): unknown;
  /** The iterable that `for await` or `yield*` should use instead of `iterable`. */
  each(iterable: unknown, site: string): unknown;
  /** An extra resource for `await using`, disposed of after those declared beside it; null for none. */
  disposal(site: string): AsyncDisposable | null;
}

/** See {@link hub}. */
export interface AmbientHub {
  /** The world whose code runs; undefined between bursts, and without a simulation. */
  world: AmbientWorld | undefined;
  /** Controls awaits; undefined where {@link world} is, and while awaits are not controlled. */
  awaits: AwaitControl | undefined;
  /** URL of the folder of the package whose copy created the hub; absent if that copy did not set it. */
  readonly home?: string;
  /** True if `dryrunner/ambient/install` was loaded, as the Vitest plugin does before the code under test. */
  isPreloaded?: boolean;
  /** True while a stand-in asks the machine for something that it replaces, or for its check of arguments. */
  isReplacing?: boolean;
  /** The files of the modules that a test framework is loading now, which Node does not show. */
  loading?: () => readonly string[];
}

/** URL of the folder of this copy's package. */
export const HOME: string = new URL('../..', import.meta.url).href;

const KEY = Symbol.for('dryrunner.ambient');
// Contexts of `node:vm`, such as those of Vitest's vm pools, have their own globals but share one `process` and one set
// of Node's modules.
const thread = process as unknown as { [KEY]: AmbientHub | undefined };

/** The hub of this thread. */
export const hub: AmbientHub = (thread[KEY] ??= {
  world: undefined,
  awaits: undefined,
  home: HOME,
});
