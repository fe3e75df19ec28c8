/**
 * Copies plain data, such as most messages of nodes and every result of an action, ten times faster than
 * `structuredClone`. Invariant: what it copies, it copies as `structuredClone` does; anything else is `NOT_PLAIN`.
 */

/** Values that are nested deeper than this, or contain a cycle, are copied by `structuredClone`. */
const DEPTH_MAX = 64;
/** Returned by {@link plainCopyOf} for a value that is not plain data. */
export const NOT_PLAIN: unique symbol = Symbol('not plain');

const uncopyable = new WeakSet<object>();

/** Marks `value`, and all that inherits from it directly, so that it is never copied although it looks like a plain object. */
export function markUncopyable(value: object): void {
  uncopyable.add(value);
}

/** True for what {@link markUncopyable} has marked, and for what inherits from it. */
export function isUncopyable(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return uncopyable.has(value) || (prototype !== null && uncopyable.has(prototype));
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
export function isRecord(value: object): boolean {
  if (Object.getPrototypeOf(value) === Object.prototype) return true;
  return (
    !isUncopyable(value) &&
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
  for (const key of Object.keys(record)) {
    const item = plainCopy(record[key], depth);
    if (item === NOT_PLAIN || key === '__proto__') return NOT_PLAIN;
    copy[key] = item;
  }
  return copy;
}
