/**
 * Stands in for functions of the machine. Invariants: each asks the hub whether code of a simulation runs, and is the machine's own
 * otherwise; it looks as the original does (name, length, properties); it is put in place once in a thread.
 */

/** Any function. */
export type AnyFunction = (this: unknown, ...args: never[]) => unknown;

interface StandIn {
  readonly name: string;
  readonly owner: object;
  readonly key: string;
  readonly value: unknown;
}

const KEY = Symbol.for('dryrunner.ambient.stand-ins');
const context = globalThis as unknown as { [KEY]: StandIn[] | undefined };
const standIns = (context[KEY] ??= []);
/** Those of all contexts of this thread: they share the functions of Node, which must not get one stand-in on top of the other. */
const thread = process as unknown as { [KEY]: WeakSet<object> | undefined };
const known = (thread[KEY] ??= new WeakSet());

/** True if they are in place. */
export function areInPlace(): boolean {
  return standIns.length > 0;
}

/** Replaces the function `owner[key]`, if this Node has it; `make` gets the original. */
export function standInFor<F extends AnyFunction>(
  name: string,
  owner: object,
  key: string,
  make: (original: F) => F,
): void {
  const before = Object.getOwnPropertyDescriptor(owner, key);
  if (typeof before?.value !== 'function') return;
  const original = before.value as F;
  if (known.has(original)) {
    standIns.push({ name, owner, key, value: original });
    return;
  }
  const value = make(original);
  known.add(value);
  const own = Object.getOwnPropertyDescriptors(original) as Record<string, PropertyDescriptor>;
  Reflect.deleteProperty(own, 'prototype');
  Object.defineProperties(value, own);
  Object.defineProperty(owner, key, { ...before, value });
  standIns.push({ name, owner, key, value });
}

/** The same stand-in in a module that has the function too. */
export function alsoIn(module: object, owner: object): void {
  for (const { owner: first, key, value } of standIns.slice()) {
    const before = first === owner ? Object.getOwnPropertyDescriptor(module, key) : undefined;
    if (before !== undefined) Object.defineProperty(module, key, { ...before, value });
  }
}

/** The name of one that somebody else has replaced since; undefined if all are in place. */
export function replacedStandIn(): string | undefined {
  return standIns.find(
    ({ owner, key, value }) => Object.getOwnPropertyDescriptor(owner, key)?.value !== value,
  )?.name;
}
