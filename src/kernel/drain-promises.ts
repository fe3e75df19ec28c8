/**
 * What the engine of promises shows to a driver of clocks: which function goes on, and which promise is rejected. Invariant: nothing is
 * watched but for short, as every promise of the thread pays for it.
 */
import { promiseHooks } from 'node:v8';
import { withStackLimit } from './drain-stack-limit.ts';

/** Frames between an await and the flow that it is part of. */
const FRAMES_MAX = 200;

const OWN_PROPERTY = { configurable: true, enumerable: false, writable: true };

/**
 * Calls `seen` for each promise that is made while `flow`, a named function, awaits what makes it, directly or through functions
 * that await one another. Chains of `then` cannot be followed. Costs some 10 µs per promise, and a tenth of all promises from then on: an
 * engine whose promises were ever watched goes without its shortest ways.
 */
export function watchFlow(flow: (...args: never[]) => unknown, seen: () => void): () => void {
  return promiseHooks.onInit(() => {
    if (isAwaitedBy(flow)) seen();
  }) as () => void;
}

/** True if `flow`, a named function, awaits what runs now, as in {@link watchFlow}. Costs some 10 µs. */
export function isAwaitedBy(flow: (...args: never[]) => unknown): boolean {
  const isOfFlow = (_error: Error, frames: NodeJS.CallSite[]): boolean =>
    frames.some((frame) => frame.getFunctionName() === flow.name);
  // Source maps depend on this property, which is not enumerable.
  const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  // False where code under test has made it read-only.
  if (!Reflect.defineProperty(Error, 'prepareStackTrace', { ...OWN_PROPERTY, value: isOfFlow })) return false;
  try {
    const isPart: unknown = withStackLimit(FRAMES_MAX, () => new Error('place').stack);
    return isPart === true;
  } finally {
    if (before === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
    else Reflect.defineProperty(Error, 'prepareStackTrace', before);
  }
}
