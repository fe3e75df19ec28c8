/** Refuses what a caller from plain JavaScript can get wrong, before anything is done with it. Each failure is `RUNNER_INVALID_ARGUMENT`. */
import { invalidArgument } from './errors.ts';

/** Refuses anything but an object, or a function, which may carry methods too. */
export function checkObject(name: string, expected: string, value: unknown): void {
  if (!isObject(value)) throw invalidArgument(name, expected, value);
}

/** Refuses anything but a string. */
export function checkString(name: string, expected: string, value: unknown): void {
  if (typeof value !== 'string') throw invalidArgument(name, expected, value);
}

/** Refuses anything but an array. */
export function checkArray(name: string, expected: string, value: unknown): void {
  if (!Array.isArray(value)) throw invalidArgument(name, expected, value);
}

/** Refuses anything but an object that has all these methods; the first one that is missing is named. */
export function checkMethods(name: string, value: unknown, methods: readonly string[]): void {
  for (const method of methods) {
    if (isObject(value) && typeof value[method] === 'function') continue;
    throw invalidArgument(name, `an object with ${method}()`, value);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** Refuses what is no record of options. */
export function checkOptions(value: unknown): void {
  checkObject('options', 'an object of options', value);
}

/** Refuses options of which one of these is there and is no function. */
export function checkCallbacks(options: unknown, names: readonly string[]): void {
  checkOptions(options);
  for (const name of names) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined && typeof value !== 'function') throw invalidArgument(name, 'a function', value);
  }
}

/** Refuses anything but a number that is not below `least`; infinity may be one. */
export function checkLimit(name: string, value: unknown, least = 0): void {
  if (!(typeof value === 'number' && value >= least)) {
    throw invalidArgument(name, `a number ≥ ${least}`, value);
  }
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

/** Refuses what is no clock. */
export function checkClock(name: string, value: unknown): void {
  checkMethods(name, value, CLOCK_METHODS);
}

/** Refuses what cannot be gone through one by one. */
export function checkIterable(name: string, value: unknown): void {
  const isIterable =
    typeof (value as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator] === 'function';
  if (!isIterable || typeof value === 'string') throw invalidArgument(name, 'a list', value);
}

/** Refuses what can be gone through neither at once nor as it comes. */
export function checkAnyIterable(name: string, value: unknown): void {
  const isAsync =
    isObject(value) && typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function';
  if (!isAsync) checkIterable(name, value);
}
