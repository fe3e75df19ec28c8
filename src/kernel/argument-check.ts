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
 * likes; what is read of it afterwards may still throw, see {@link checkRecord} and {@link unreadable}.
 */
export function checkObject(name: string, expected: string, value: unknown): void {
  if (!isObject(value)) throw invalidArgument(name, expected, value);
}

/**
 * Refuses anything but an object whose fields can be read: not a proxy or a getter that throws. Reads each field once, so it is for what is
 * given when something is made, not for each call.
 */
export function checkRecord(name: string, expected: string, value: unknown): void {
  checkObject(name, expected, value);
  try {
    Object.values(value as object);
    Reflect.has(value as object, '');
  } catch (error) {
    throw unreadable(name, value, error);
  }
}

/**
 * What to throw when an argument threw while it was looked at: an error of ours passes as it is, anything else came out of the argument. For
 * calls that are too frequent for {@link checkRecord}: a `try` around what reads costs nothing.
 */
export function unreadable(name: string, value: unknown, error: unknown): unknown {
  if (error instanceof RunnerError) return error;
  const expected = 'a value whose fields can be read';
  const message = `${name}: expected ${expected}, got ${describeValue(value)}`;
  return new RunnerError('RUNNER_INVALID_ARGUMENT', message, { expected, actual: value, cause: error });
}

/** A field of what may be anything; `undefined` also where it cannot be read. */
function fieldOf(value: unknown, key: PropertyKey): unknown {
  try {
    return isObject(value) ? (value as Readonly<Record<PropertyKey, unknown>>)[key] : undefined;
  } catch {
    return undefined;
  }
}

/** Refuses anything but a string. */
export function checkString(name: string, expected: string, value: unknown): void {
  if (typeof value !== 'string') throw invalidArgument(name, expected, value);
}

/** Refuses anything but an array. */
export function checkArray(name: string, expected: string, value: unknown): void {
  if (!isArray(value)) throw invalidArgument(name, expected, value);
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

/** Refuses anything but an object that has all these methods; the first one that is missing is named. */
export function checkMethods(name: string, value: unknown, methods: readonly string[]): void {
  for (const method of methods) {
    if (typeof fieldOf(value, method) === 'function') continue;
    throw invalidArgument(name, `an object with ${method}()`, value);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** Refuses anything but a record of options. */
export function checkOptions(value: unknown): void {
  checkRecord('options', 'an object of options', value);
}

/** Refuses anything but a number that is not below `least`; infinity may be one. */
export function checkLimit(name: string, value: unknown, least = 0): void {
  if (!(typeof value === 'number' && value >= least)) {
    throw invalidArgument(name, `a number ≥ ${least}`, value);
  }
}

/** Refuses anything but a finite number of milliseconds, 0 or more. */
export function checkDuration(name: string, ms: unknown): void {
  if (Number.isFinite(ms) && (ms as number) >= 0) return;
  throw invalidArgument(name, 'a finite number ≥ 0', ms);
}

/** Refuses anything but a function. */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw invalidArgument(name, 'a function', value);
}

/** Refuses anything but an exact integer that is not below `least`, nor above `most`. */
export function checkInteger(
  name: string,
  value: unknown,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): void {
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return;
  const above = most === Number.MAX_SAFE_INTEGER ? '' : ` and ≤ ${most}`;
  throw invalidArgument(name, `an integer ≥ ${least}${above}`, value);
}

const CLOCK_METHODS: readonly string[] = ['timer', 'post', 'endOfInstant', 'now'];

/** Refuses anything but a clock. */
export function checkClock(name: string, value: unknown): void {
  checkMethods(name, value, CLOCK_METHODS);
}

/** Refuses what cannot be gone through one by one. */
export function checkIterable(name: string, value: unknown): void {
  if (typeof fieldOf(value, Symbol.iterator) !== 'function') throw invalidArgument(name, 'a list', value);
}

/** What can be gone through once, its iterator checked. What that throws on the way is the caller's own, and passes through. */
export function checkedIterable<T>(name: string, value: Iterable<T>): Iterable<T> {
  checkIterable(name, value);
  const iterator = startOf(name, value, () => value[Symbol.iterator]());
  return { [Symbol.iterator]: () => iterator };
}

/** Starts to go through `value`; refuses what throws then, or gives no iterator. */
export function startOf<I>(name: string, value: unknown, start: () => I): I {
  try {
    const iterator = start();
    checkMethods(`the iterator of ${name}`, iterator, ['next']);
    return iterator;
  } catch (error) {
    throw unreadable(name, value, error);
  }
}

/** Refuses what can be gone through neither at once nor as it comes. */
export function checkAnyIterable(name: string, value: unknown): void {
  if (typeof fieldOf(value, Symbol.asyncIterator) !== 'function') checkIterable(name, value);
}
