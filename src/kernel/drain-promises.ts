/**
 * What the promise engine shows to a driver of clocks: which function continues, and which promise is rejected.
 * Invariant: promises are watched for a short time only, because every promise of the thread pays for it.
 */
import { promiseHooks } from 'node:v8';
import { withStackLimit } from './drain-stack-limit.ts';

/** Maximum number of frames between an await and the flow that contains it. */
const FRAMES_MAX = 200;

const OWN_PROPERTY = { configurable: true, enumerable: false, writable: true };

/**
 * Calls `seen` for each promise created while `flow`, a named function, awaits the code that creates it, directly or
 * through functions that await one another. Chains of `then` cannot be followed. Costs some 10 µs per promise, and from
 * then on a tenth more for every promise: once promises were watched, the engine no longer uses its fastest paths.
 */
export function watchFlow(flow: (...args: never[]) => unknown, seen: () => void): () => void {
  return promiseHooks.onInit(() => {
    if (isAwaitedBy(flow)) seen();
  }) as () => void;
}

/** True if `flow`, a named function, awaits the running code, as in {@link watchFlow}. Costs some 10 µs. */
export function isAwaitedBy(flow: (...args: never[]) => unknown): boolean {
  const isOfFlow = (_error: Error, frames: NodeJS.CallSite[]): boolean =>
    frames.some((frame) => frame.getFunctionName() === flow.name);
  // Source maps depend on this property, which is not enumerable.
  const before = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace');
  // False if code under test has made it read-only.
  if (!Reflect.defineProperty(Error, 'prepareStackTrace', { ...OWN_PROPERTY, value: isOfFlow })) return false;
  try {
    const isPart: unknown = withStackLimit(FRAMES_MAX, () => new Error('place').stack);
    return isPart === true;
  } finally {
    if (before === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace');
    else Reflect.defineProperty(Error, 'prepareStackTrace', before);
  }
}
