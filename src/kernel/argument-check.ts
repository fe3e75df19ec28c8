/** Refuses what a caller from plain JavaScript can get wrong, before anything is done with it. Each failure is `RUNNER_INVALID_ARGUMENT`. */
import * as is from './shape.ts';
import { describeValue, invalidArgument, RunnerError } from './errors.ts';

/**
 * Refuses what does not fit `shape`. A field of the options is named alone, of anything else after it: `query.states`. Reads each field that
 * the shape has; what those throw is refused too.
 */
export function check(name: string, value: unknown, shape: is.Shape): void {
  let found;
  try {
    found = is.findMismatch(shape, value);
  } catch (error) {
    throw unreadable(name, value, error);
  }
  if (found === undefined) return;
  const { path, expected, actual, got } = found;
  const where = name === 'options' && path !== '' ? path : is.joinPath(name, path);
  throw new RunnerError('RUNNER_INVALID_ARGUMENT', `${where}: expected ${expected}, got ${got}`, {
    expected,
    actual,
  });
}

/**
 * Refuses anything but an object, or a function, which may carry methods too. Looks at nothing in it, so that it may be called as often as one
 * likes; what is read of it afterwards may still throw, see {@link unreadable}.
 */
export function checkObject(name: string, expected: string, value: unknown): void {
  if (!isObject(value)) throw invalidArgument(name, expected, value);
}

/**
 * What to throw when an argument threw while it was looked at: an error of ours passes as it is, anything else came out of the argument. For
 * calls that are too frequent for {@link check}: a `try` around what reads costs nothing.
 */
export function unreadable(name: string, value: unknown, error: unknown): unknown {
  if (error instanceof RunnerError) return error;
  const expected = 'a value whose fields can be read';
  const message = `${name}: expected ${expected}, got ${describeValue(value)}`;
  return new RunnerError('RUNNER_INVALID_ARGUMENT', message, { expected, actual: value, cause: error });
}

/** As `instanceof`, which throws for a proxy that does. */
export function isInstance<T>(value: unknown, type: abstract new (...given: never[]) => T): value is T {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/** As `Array.isArray`, which throws for a proxy that was revoked. */
export function isArray(value: unknown): value is readonly unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

const ITERATOR = is.withMethods('next');

/** What can be gone through once, its iterator checked. What that throws on the way is the caller's own, and passes through. */
export function checkedIterable<T>(name: string, value: Iterable<T>): Iterable<T> {
  check(name, value, is.ITERABLE);
  const iterator = startOf(name, value, () => value[Symbol.iterator]());
  return { [Symbol.iterator]: () => iterator };
}

/** Starts to go through `value`; refuses what throws then, or gives no iterator. */
export function startOf<I>(name: string, value: unknown, start: () => I): I {
  try {
    const iterator = start();
    check(`the iterator of ${name}`, iterator, ITERATOR);
    return iterator;
  } catch (error) {
    throw unreadable(name, value, error);
  }
}
