/**
 * Copies values that one node sends to another, as a wire would. Invariant: the receiver can reach no object of the
 * sender.
 */
import { isRunnerError, messageOf, RunnerError, shownText } from '../kernel/errors.ts';

/** Values that are nested deeper than this, or contain a cycle, are copied by `structuredClone`. */
const DEPTH_MAX = 64;
/** Returned by {@link plainCopyOf} for a value that is not plain data. */
export const NOT_PLAIN: unique symbol = Symbol('not plain');

/** Stubs look like plain objects, but reading any of their fields makes a method that calls another node. */
const stubs = new WeakSet<object>();

/** Marks `stub`, and all that inherits from it directly, as a value that cannot be copied. */
export function markAsStub(stub: object): void {
  stubs.add(stub);
}

function isStub(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return stubs.has(value) || (prototype !== null && stubs.has(prototype));
}

/**
 * Copies `value` as `structuredClone` does; `what` names it in the error if it cannot be copied.
 *
 * @throws RunnerError `RUNNER_NOT_CLONEABLE`.
 */
export function copyOf<T>(value: T, what: () => string): T {
  try {
    // Most messages are plain data, which `structuredClone` copies ten times more slowly.
    const copy = plainCopyOf(value);
    if (copy !== NOT_PLAIN) return copy as T;
    // `structuredClone` silently turns some of these into an empty object.
    const found = uncloneable(value);
    if (found === undefined) return structuredClone(value);
    throw refusalOf(found, what(), value);
  } catch (error) {
    if (isRunnerError(error, 'RUNNER_NOT_CLONEABLE')) throw error;
    throw notCloneable(what(), value, messageOf(error), error);
  }
}

function refusalOf({ path, what: kind }: Uncloneable, what: string, value: unknown): RunnerError {
  const where = path === '' ? '' : ` at ${path}`;
  return notCloneable(what, value, `${kind}${where}${INSTEAD[kind] ?? ''}`);
}

function notCloneable(what: string, value: unknown, why: string, cause?: unknown): RunnerError {
  return new RunnerError('RUNNER_NOT_CLONEABLE', `${what} cannot be sent: ${why}`, {
    expected: 'what structured clone can copy',
    actual: value,
    cause,
  });
}

/** Copies all arguments of a call; the error for one that cannot be copied gives its position. */
export function copyOfArguments(args: readonly unknown[], method: string): readonly unknown[] {
  if (args.length === 0) return args;
  try {
    const copy = plainCopyOf(args);
    if (copy !== NOT_PLAIN) return copy as readonly unknown[];
  } catch {
    // The copies below are made one by one, so that the error names the argument.
  }
  return args.map((arg, index) => copyOf(arg, () => `argument ${index + 1} of ${method}`));
}

/** A part of a value that cannot be copied. */
interface Uncloneable {
  readonly path: string;
  readonly what: string;
}

const AN_ABORT_SIGNAL = 'an AbortSignal';
const A_STUB = 'a stub';
/** What a caller can do instead. */
const INSTEAD: Readonly<Record<string, string>> = {
  [AN_ABORT_SIGNAL]: '; withCallOptions(stub, { signal }) cancels a call',
  [A_STUB]: '; send the name of its node, to which the receiver can connect',
};
const UNCLONEABLE = [Promise, WeakMap, WeakSet, AbortSignal, SharedArrayBuffer];

function uncloneable(value: unknown, path = '', seen: Set<object> = new Set()): Uncloneable | undefined {
  if (typeof value === 'function') return { path, what: 'a function' };
  if (typeof value === 'symbol') return { path, what: 'a symbol' };
  if (typeof value !== 'object' || value === null || seen.has(value)) return undefined;
  seen.add(value);
  if (isStub(value)) return { path, what: A_STUB };
  const kind = UNCLONEABLE.find((one) => value instanceof one);
  if (kind === AbortSignal) {
    return { path, what: AN_ABORT_SIGNAL };
  }
  if (kind !== undefined) return { path, what: `a ${kind.name}` };
  for (const [key, item] of partsOf(value)) {
    const found = uncloneable(item, path + key, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

function partsOf(value: object): readonly (readonly [string, unknown])[] {
  if (ArrayBuffer.isView(value)) return [['.buffer', value.buffer]];
  if (value instanceof Map) {
    return [...value].flatMap(([key, item]) => [
      ['.keys()', key] as const,
      [`.get(${shownText(key)})`, item] as const,
    ]);
  }
  if (value instanceof Set) return Array.from(value, (item) => ['.values()', item]);
  if (Array.isArray(value)) return Array.from(value as unknown[], (item, index) => [`[${index}]`, item]);
  return Object.entries(value).map(([key, item]) => [`.${key}`, item]);
}

/**
 * Objects that the current copy has met. A value that contains an object twice is left to `structuredClone`, which
 * preserves identity.
 */
const met: (object | undefined)[] = new Array<undefined>(32).fill(undefined);
let metCount = 0;
/** Replaces {@link met} once that is full: scanning a few entries is cheaper than a set. */
let metMany: Set<object | undefined> | undefined;

/** Copies plain data; returns `NOT_PLAIN` for anything else. */
export function plainCopyOf(value: unknown): unknown {
  try {
    return plainCopy(value, DEPTH_MAX);
  } finally {
    met.fill(undefined, 0, metCount);
    metCount = 0;
    metMany = undefined;
  }
}

/** True if the current copy has met `value` before; marks it as met. */
function isMet(value: object): boolean {
  if (metCount < met.length) {
    for (let index = 0; index < metCount; index += 1) if (met[index] === value) return true;
    met[metCount] = value;
    metCount += 1;
    return false;
  }
  metMany ??= new Set(met);
  if (metMany.has(value)) return true;
  metMany.add(value);
  return false;
}

function plainCopy(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) {
    return typeof value === 'function' || typeof value === 'symbol' ? NOT_PLAIN : value;
  }
  if (depth === 0 || isMet(value)) return NOT_PLAIN;
  if (Array.isArray(value)) return copyList(value, depth - 1);
  return isRecord(value) ? copyRecord(value as Record<string, unknown>, depth - 1) : NOT_PLAIN;
}

/**
 * True also for instances of user classes, of which only own fields are sent; false for built-in classes of the engine
 * or Node.
 */
function isRecord(value: object): boolean {
  if (Object.getPrototypeOf(value) === Object.prototype) return true;
  return (
    !isStub(value) &&
    Object.prototype.toString.call(value) === '[object Object]' &&
    Object.getOwnPropertySymbols(value).length === 0
  );
}

function copyList(list: readonly unknown[], depth: number): unknown {
  const copy: unknown[] = [];
  for (let index = 0; index < list.length; index += 1) {
    // Only `structuredClone` preserves holes.
    const item = index in list ? plainCopy(list[index], depth) : NOT_PLAIN;
    if (item === NOT_PLAIN) return NOT_PLAIN;
    copy.push(item);
  }
  // Only `structuredClone` copies extra properties of an array, such as `index` of a match.
  return Object.keys(list).length === list.length ? copy : NOT_PLAIN;
}

function copyRecord(record: Readonly<Record<string, unknown>>, depth: number): unknown {
  const copy: Record<string, unknown> = {};
  // eslint-disable-next-line no-restricted-syntax -- a list of keys would cost as much as the copy
  for (const key in record) {
    if (!Object.hasOwn(record, key)) continue;
    const item = plainCopy(record[key], depth);
    if (item === NOT_PLAIN || key === '__proto__') return NOT_PLAIN;
    copy[key] = item;
  }
  return copy;
}
