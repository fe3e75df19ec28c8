/**
 * Rejects arguments that a caller from plain JavaScript can get wrong, before anything is done with them. Each failure
 * is `RUNNER_INVALID_ARGUMENT`.
 */
import * as is from './shape.ts';
import { describeValue, invalidArgument, RunnerError } from './errors.ts';

/**
 * Throws unless `value` fits `shape`. The message names a field of the options by itself, a field of any other argument
 * with the argument: `query.states`. Reads each field of the shape; an error that this throws becomes a rejection too.
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
 * Throws for anything but an object, or a function, which may carry methods too. Inspects no field, so it is cheap and
 * cannot run the caller's code; reading fields afterwards may still throw, see {@link unreadable}.
 */
export function checkObject(name: string, expected: string, value: unknown): void {
  if (!isObject(value)) throw invalidArgument(name, expected, value);
}

/**
 * The error to throw when reading an argument threw: an error of this package passes unchanged, anything else came from
 * the argument. For calls that are too frequent for {@link check}: a `try` around the reads costs nothing.
 */
export function unreadable(name: string, value: unknown, error: unknown): unknown {
  if (error instanceof RunnerError) return error;
  const expected = 'a value whose fields can be read';
  const message = `${name}: expected ${expected}, got ${describeValue(value)}`;
  return new RunnerError('RUNNER_INVALID_ARGUMENT', message, { expected, actual: value, cause: error });
}

/** Throws for an option that would have no effect, by the reasons of all such options; `prefix` goes before its name. */
export function mustBeAbsent(
  prefix: string,
  options: object,
  reasons: Readonly<Record<string, string>>,
): void {
  for (const [name, reason] of Object.entries(reasons)) {
    const given: unknown = Reflect.get(options, name);
    if (given !== undefined) throw invalidArgument(`${prefix}${name}`, `to be absent: ${reason}`, given);
  }
}

/**
 * Throws if a function of the caller's has returned a generator: nobody runs its body. The function need not be one by
 * itself, as where a compiler made it an ordinary one.
 */
export function refuseGenerator(name: string, returned: unknown): void {
  if (returned === undefined || !isGenerator(returned)) return;
  const expected = 'a function whose body runs when it is called';
  const message = `${name}: expected ${expected}, got one that returned a generator, whose body nobody runs`;
  throw new RunnerError('RUNNER_INVALID_ARGUMENT', message, { expected, actual: returned });
}

/** Throws unless a function of the caller's has returned true or false: a promise of false is truthy. */
export function trueOrFalse(call: string, returned: unknown): boolean {
  if (typeof returned !== 'boolean') throw invalidArgument(call, 'true or false', returned);
  return returned;
}

type Fields = Readonly<Record<PropertyKey, unknown>>;

/** Other iterators, such as those of maps, have no `throw`. */
function isGenerator(value: unknown): boolean {
  if (typeof value !== 'object') return false;
  try {
    const { next, throw: fail, [Symbol.iterator]: each, [Symbol.asyncIterator]: eachLater } = value as Fields;
    return (
      typeof next === 'function' && typeof fail === 'function' && typeof (each ?? eachLater) === 'function'
    );
  } catch {
    // It is null, or cannot be read.
    return false;
  }
}

/** As `instanceof`, but false for a proxy that throws. */
export function isInstance<T>(value: unknown, type: abstract new (...given: never[]) => T): value is T {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/** As `Array.isArray`, but false for a revoked proxy. */
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

/**
 * An iterable that can be iterated once, with its iterator checked. Errors during the iteration are the caller's own
 * and pass through.
 */
export function checkedIterable<T>(name: string, value: Iterable<T>): Iterable<T> {
  check(name, value, is.ITERABLE);
  const iterator = startOf(name, value, () => value[Symbol.iterator]());
  return { [Symbol.iterator]: () => iterator };
}

/** Starts to iterate `value`; rejects it if that throws or returns no iterator. */
export function startOf<I>(name: string, value: unknown, start: () => I): I {
  try {
    const iterator = start();
    check(`the iterator of ${name}`, iterator, ITERATOR);
    return iterator;
  } catch (error) {
    throw unreadable(name, value, error);
  }
}
