/**
 * Where the globals of the machine ask what they mean now. Invariants: there is one hub in a thread, whichever copy of the package made
 * it; this file and `globals.ts` import next to nothing, because they are loaded before everything else in every process that uses them.
 */

import type { EscapeKind } from '../explore/escape.ts';
import type { PerformanceTimeline } from './performance-timeline.ts';

/** A function that reaches the machine. */
export interface OutsideFunction {
  readonly kind: EscapeKind;
  /** Its module, or the global itself. */
  readonly area: string;
  /** As it is called in code. */
  readonly name: string;
  /** What code under test can do in its place. */
  readonly instead: string;
}

/** What `process.nextTick` takes. */
export type TickCallback = (...args: unknown[]) => void;

/** What a simulation answers while its code runs. */
export interface AmbientWorld {
  setTimer(
    kind: 'setTimeout' | 'setInterval',
    callback: unknown,
    ms: unknown,
    args: unknown[],
  ): NodeJS.Timeout;
  setImmediate(callback: unknown, args: unknown[]): NodeJS.Immediate;
  /** What a tick is to call in place of `callback`. Throws, and fails the simulation, if one event asks for ticks without an end. */
  tick(callback: TickCallback): TickCallback;
  /** Its code was stopped in the midst of a loop that has no end: none of the ticks that it has asked for runs any more. */
  stopTicks(): void;
  /** Clears a timer by its number, if it has one of that number. */
  clear(number: unknown): void;
  /** The date at which the process began, in milliseconds since the Unix epoch. */
  readonly originMs: number;
  /** Milliseconds since the Unix epoch as `Date` has them. */
  dateMs(): number;
  /** Milliseconds since the process began, with fractions, monotonic; not 0 when the simulation begins. */
  now(): number;
  /** Of the process that asks. */
  readonly timeline: PerformanceTimeline;
  /** In [0, 1). */
  random(): number;
  /** Fills `bytes` with what looks like entropy. */
  fill(bytes: Uint8Array): void;
  /** What becomes of a call that reaches the machine: undefined if it is none of the simulation's, the error that refuses it, or the way back for what it gives. */
  outside(call: OutsideFunction): Error | WayBack | undefined;
  /** Whether a test runner or a loader calls, and not the code of the simulation. */
  isCalledByTool(): boolean;
}

/** Brings what the machine gives later into a simulation: code goes on there, and the simulation waits for it when nothing else is due. */
export interface WayBack {
  bringPromise<T>(result: Promise<T>): Promise<T>;
  bringCallback(callback: (...args: unknown[]) => unknown): (...args: unknown[]) => void;
}

/** A timer or an immediate of a simulation: whichever copy of the package has made it, it is known by its method. */
export interface AmbientTimer {
  clearInSimulation(): void;
}

/** What rewritten code asks at each of its awaits; `site` says which one it is: `await in flush (queue.ts:12)`. */
export interface AwaitControl {
  /** What is to be awaited instead of `value`. */
  awaited(value: unknown, site: string): unknown;
  /** What is to be gone through by `for await` or `yield*` instead of `iterable`. */
  each(iterable: unknown, site: string): unknown;
  /** What is to be disposed of after what is declared beside it; null if nothing is. */
  disposal(site: string): AsyncDisposable | null;
}

/** See {@link hub}. */
export interface AmbientHub {
  /** The world whose code runs; undefined between bursts, and without a simulation. */
  world: AmbientWorld | undefined;
  /** Who decides about awaits; undefined where {@link world} is, and where awaits are as they always are. */
  awaits: AwaitControl | undefined;
  /** URL of the folder of the package whose copy made the hub; absent if that does not say so. */
  readonly home?: string;
}

/** URL of the folder of this copy's package. */
export const HOME: string = new URL('../..', import.meta.url).href;

const KEY = Symbol.for('dryrunner.ambient');
// Contexts of `node:vm`, such as Vitest's vm pools make, have globals of their own, but one `process`, and one set of Node's modules.
const thread = process as unknown as { [KEY]: AmbientHub | undefined };

/** The hub of this thread. */
export const hub: AmbientHub = (thread[KEY] ??= {
  world: undefined,
  awaits: undefined,
  home: HOME,
});
