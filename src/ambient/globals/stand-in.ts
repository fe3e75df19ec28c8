/**
 * Stand-ins for functions of the machine. Invariants: each asks the hub whether code of a simulation runs, and behaves
 * as the original if not; it looks like the original (name, length, properties); they are installed once per thread,
 * all of them or none.
 */
import { Script } from 'node:vm';

/** Any function. */
export type AnyFunction = (this: unknown, ...args: never[]) => unknown;

/** A replaced property of the machine. */
export interface StandIn {
  readonly name: string;
  readonly owner: object;
  /** The object through which code reads it: the owner, or its only instance, whose own properties would hide it. */
  readonly reader: object;
  readonly key: string;
  readonly before: PropertyDescriptor;
  readonly now: PropertyDescriptor;
  /** True if code under test may replace it by a fake of its own, because a simulation does not depend on it. */
  readonly isOptional: boolean;
}

interface State {
  readonly known: WeakSet<object>;
  /** Wrappers around stand-ins that pass everything through, each with the function behind it. */
  readonly fronts: WeakMap<object, unknown>;
}

const KEY = Symbol.for('dryrunner.ambient.stand-ins');
const context = globalThis as unknown as { [KEY]: StandIn[] | undefined };
/** All installed stand-ins. */
export const standIns: StandIn[] = (context[KEY] ??= []);
/**
 * The state shared by all contexts of this thread: they share the functions of Node, which must not get two stand-ins
 * stacked.
 */
const thread = process as unknown as { [KEY]: State | undefined };
const { known, fronts } = (thread[KEY] ??= { known: new WeakSet(), fronts: new WeakMap() });

/** Runs `install`; if it throws, undoes every replacement it made. */
export function installTogether(install: () => void): void {
  const count = standIns.length;
  try {
    install();
  } catch (error) {
    for (const { owner, key, before } of standIns.splice(count).reverse()) {
      Object.defineProperty(owner, key, before);
    }
    throw error;
  }
}

/**
 * Replaces a property, if this version of Node has it. `make` gets the original descriptor; undefined leaves the
 * property alone.
 */
export function replaceProperty(
  name: string,
  owner: object,
  key: string,
  make: (before: PropertyDescriptor) => PropertyDescriptor | undefined,
  isOptional = false,
): void {
  const before = Object.getOwnPropertyDescriptor(owner, key);
  if (before === undefined) return;
  const now = functionsOf(before).some((one) => known.has(one)) ? before : make(before);
  if (now === undefined) return;
  for (const one of functionsOf(now)) known.add(one);
  if (now !== before) Object.defineProperty(owner, key, now);
  standIns.push({ name, owner, reader: readerOf(owner), key, before, now, isOptional });
}

function readerOf(owner: object): object {
  const instances: object[] = [globalThis.performance, globalThis.crypto];
  return instances.find((one) => Object.getPrototypeOf(one) === owner) ?? owner;
}

/** Notices if other code replaces a global that is an object with stand-ins. Its value stays as it is. */
export function keepGlobal(name: 'performance' | 'crypto'): void {
  replaceProperty(name, globalThis, name, (before) => {
    const { configurable, enumerable = true, writable = before.set !== undefined } = before;
    return configurable === true
      ? { configurable, enumerable, writable, value: globalThis[name] }
      : undefined;
  });
}

/** The functions in a descriptor: value, getter or setter. */
function functionsOf(described: PropertyDescriptor): object[] {
  return Object.values(described).filter((part: unknown) => typeof part === 'function');
}

/** Replaces the function `owner[key]`; `make` gets the original. */
export function standInFor<F extends AnyFunction>(
  name: string,
  owner: object,
  key: string,
  make: (original: F) => F,
  isOptional = false,
): void {
  const describe = (before: PropertyDescriptor): PropertyDescriptor | undefined => {
    if (typeof before.value !== 'function') return undefined;
    const original = before.value as F;
    return { ...before, value: likeOriginal(original, make(original)) };
  };
  replaceProperty(name, owner, key, describe, isOptional);
}

/** Gives a stand-in what the original has of its own: name, length, and `util.promisify.custom`. */
function likeOriginal<F extends AnyFunction>(original: F, value: F): F {
  const own = Object.getOwnPropertyDescriptors(original) as Record<string, PropertyDescriptor>;
  Reflect.deleteProperty(own, 'prototype');
  return Object.defineProperties(value, own);
}

/** Installs the same stand-ins in a module that exports the same functions. */
export function alsoIn(module: object, moduleName: string, owner: object): void {
  for (const { name, owner: first, key, now } of standIns.slice()) {
    if (first !== owner) continue;
    replaceProperty(`${name} of ${moduleName}`, module, key, (before) => ({
      ...before,
      value: now.value as unknown,
    }));
  }
}

/** True for a stand-in that shows code of a simulation the simulation instead of the machine. */
export function isVirtual(value: unknown): boolean {
  return standIns.some(({ now, isOptional }) => !isOptional && now.value === value);
}

/** Registers `front` as a wrapper that passes everything through, so that what it wraps does not count as replaced. */
export function noteFront(front: object, original: unknown): void {
  fronts.set(front, original);
}

/** The name of the first stand-in that other code has replaced; undefined if all are in place. */
export function replacedStandIn(): string | undefined {
  const { all, getters, areValuesInPlace } = currentCheck();
  if (areValuesInPlace() && !getters.some(isReplaced)) return undefined;
  return all.find(isReplaced)?.name;
}

/** A stand-in that a simulation needs. */
interface NeededStandIn {
  readonly name: string;
  readonly owner: object;
  readonly reader: Readonly<Record<string, unknown>>;
  readonly key: string;
  readonly now: PropertyDescriptor;
}

/** How to see quickly whether all that a simulation needs are in place. */
interface StandInCheck {
  /** Number of all stand-ins when this was made. */
  readonly installedCount: number;
  readonly all: readonly NeededStandIn[];
  readonly getters: readonly NeededStandIn[];
  /**
   * True if every property that has a value has that of its stand-in. A wrapper that passes everything through makes it
   * false.
   */
  readonly areValuesInPlace: () => boolean;
}

/** Kept until the number of stand-ins changes. */
let standInCheck: StandInCheck | undefined;

/** Filters once, because five of six are optional. */
function currentCheck(): StandInCheck {
  if (standInCheck?.installedCount !== standIns.length) {
    const all = standIns
      .filter(({ isOptional }) => !isOptional)
      .map(({ name, owner, reader, key, now }) => ({
        ...{ name, owner, key, now },
        reader: reader as NeededStandIn['reader'],
      }));
    const getters = all.filter(({ now }) => now.get !== undefined);
    const areValuesInPlace = comparisonOf(all.filter(({ now }) => now.get === undefined));
    standInCheck = { installedCount: standIns.length, all, getters, areValuesInPlace };
  }
  return standInCheck;
}

/**
 * Compiles a comparison that has each property as a constant. It runs twice per simulation, and in a loop over some
 * fifty properties took a tenth of a small one: the engine looks up a property by a key that varies in ten times as
 * long.
 */
function comparisonOf(all: readonly NeededStandIn[]): () => boolean {
  const readers = [...new Set(all.map(({ reader }) => reader))];
  const terms = all.map(
    ({ reader, key }, at) => `reader${readers.indexOf(reader)}[${JSON.stringify(key)}] === values[${at}]`,
  );
  const names = readers.map((_, at) => `reader${at}`).join(', ');
  const code = `([${names}], values) => () => ${['true', ...terms].join(' && ')}`;
  // Named like a module of Node, so that stacks do not show it.
  const script = new Script(code, { filename: 'node:internal/dryrunner' });
  const compiled = script.runInThisContext() as (readers: unknown, values: unknown) => () => boolean;
  return compiled(
    readers,
    all.map(({ now }) => now.value as unknown),
  );
}

/** Reinstalls the stand-ins that other code has replaced. */
export function restoreStandIns(): void {
  for (const one of currentCheck().all) {
    const { owner, reader, key, now } = one;
    if (!isReplaced(one)) continue;
    // Fake timers that are uninstalled later would otherwise remove a stand-in.
    const { clock } = Object(reader[key]) as { clock?: { uninstall?: () => void } };
    clock?.uninstall?.();
    if (isHidden(one)) Reflect.deleteProperty(reader, key);
    // Has no effect if code has made the property unchangeable: the next simulation refuses to start, and names it.
    if (isReplaced(one)) Reflect.defineProperty(owner, key, now);
  }
}

function isReplaced(one: NeededStandIn): boolean {
  return !isIn(one.owner, one) || isHidden(one);
}

/** True if an instance has a property of its own instead. */
function isHidden(one: NeededStandIn): boolean {
  const { owner, reader, key } = one;
  return reader !== owner && Object.hasOwn(reader, key) && !isIn(reader, one);
}

/** True if the property is as described, or not there for `undefined`, apart from wrappers that pass everything through. */
export function isIn(
  holder: object,
  { key, now }: { readonly key: string; readonly now: PropertyDescriptor | undefined },
): boolean {
  const found = Object.getOwnPropertyDescriptor(holder, key);
  return found?.get === now?.get && behind(found?.value) === behind(now?.value);
}

function behind(value: unknown): unknown {
  let seen = value;
  while (typeof seen === 'function' && fronts.has(seen)) seen = fronts.get(seen);
  return seen;
}
