// Parts with the same behaviour and codes of errors, whose messages are worded otherwise.
import { isRunnerError } from '../../../src/kernel/errors.ts';

const parts = new WeakMap<object, object>();
const originals = new WeakMap<object, object>();

const isPart = (value: unknown): value is object =>
  typeof value === 'object' &&
  value !== null &&
  !(value instanceof Promise) &&
  !Object.isFrozen(value) &&
  (Object.getPrototypeOf(value) !== Object.prototype ||
    Object.values(value).some((member) => typeof member === 'function')) &&
  !Array.isArray(value) &&
  !ArrayBuffer.isView(value) &&
  !(value instanceof Error) &&
  !(value instanceof Map) &&
  !(value instanceof Set);

function reworded(error: unknown): unknown {
  if (isRunnerError(error) && error.code !== 'RUNNER_UNKNOWN_RUN') {
    Object.defineProperty(error, 'message', { value: 'said in other words' });
  }
  return error;
}

function wrapResult(result: unknown): unknown {
  if (result instanceof Promise) {
    const known = parts.get(result);
    if (known !== undefined) return known;
    const promise = result.then(wrapResult, (error: unknown) => {
      throw reworded(error);
    });
    parts.set(result, promise);
    return promise;
  }
  return isPart(result) ? inOtherWords(result) : result;
}

const unwrapped = (value: unknown): unknown =>
  typeof value === 'object' && value !== null ? (originals.get(value) ?? value) : value;

/** The same function, and all that it makes, in other words. */
export function callInOtherWords(call: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
  return (...args) => {
    try {
      return wrapResult(call(...args.map(unwrapped)));
    } catch (error) {
      throw reworded(error);
    }
  };
}

/** The same part, and all that it makes, in other words. */
export function inOtherWords<T extends object>(part: T): T {
  const known = parts.get(part);
  if (known !== undefined) return known as T;
  const methods = new Map<PropertyKey, unknown>();
  const proxy = new Proxy(part, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      // What a stub gives is looked at by functions that know ours only.
      if (key === 'connect' || key === 'through') return value.bind(target) as unknown;
      const method = methods.get(key) ?? callInOtherWords(value.bind(target) as () => unknown);
      methods.set(key, method);
      return method;
    },
  });
  parts.set(part, proxy);
  originals.set(proxy, part);
  return proxy;
}
