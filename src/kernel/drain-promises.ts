/**
 * What the promise engine shows to a driver of clocks: which function continues, and which promise is rejected.
 * Invariant: promises are watched for a short time only, because every promise of the thread pays for it.
 */
import { promiseHooks } from 'node:v8';
import { withStackLimit } from './drain-stack-limit.ts';

/** Maximum number of frames between an await and the flow that contains it. */
const FRAMES_MAX = 200;

type Flow = (...args: never[]) => unknown;

const OWN_PROPERTY = { configurable: true, enumerable: false, writable: true };

/**
 * Sees when a promise is created by code that one of several named functions, the flows, awaits, directly or through
 * functions that await one another. Chains of `then` cannot be followed. Costs less than a microsecond per promise, and
 * some 10 µs where it is not known yet whose code runs. From then on every promise costs a tenth more: once promises
 * were watched, the engine no longer uses its fastest paths.
 */
export class FlowWatch {
  /** Ends the watch. */
  readonly stop: () => void;
  /**
   * Promises on which code waits that no flow awaits: it can become part of a flow only by code of the flow, which
   * creates a promise then. Only a promise with a parent gets a reaction.
   */
  readonly #others = new Set<object>();
  #isOther = false;

  /** Calls `seen` for each such promise. */
  constructor(flows: readonly Flow[], seen: () => void) {
    const others = this.#others;
    this.stop = promiseHooks.createHook({
      init: (promise: object, parent: object | undefined) => {
        if (!this.#isOther && isAwaitedBy(flows)) seen();
        else if (parent !== undefined) others.add(promise);
      },
      before: (promise: object) => {
        this.#isOther = others.delete(promise);
      },
      after: () => {
        this.#isOther = false;
      },
    }) as () => void;
  }

  /** An event begins, outside of all promise reactions: nothing awaits its code. */
  noteEvent(): void {
    this.#isOther = true;
    void reaction();
  }
}

const DONE = Promise.resolve();

/** The end of this reaction, the first one of an event, is the end of the event's own code. */
async function reaction(): Promise<void> {
  await DONE;
}

/** True if one of `flows`, named functions, awaits the running code, as in {@link FlowWatch}. Costs some 10 µs. */
export function isAwaitedBy(flows: readonly Flow[]): boolean {
  const isOfFlow = (_error: Error, frames: NodeJS.CallSite[]): boolean =>
    frames.some((frame) => flows.some(({ name }) => frame.getFunctionName() === name));
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
