/**
 * Stands in for functions of the machine. Invariants: each asks the hub whether code of a simulation runs, and is the machine's own
 * otherwise; it looks as the original does (name, length, properties); it is put in place once in a thread, and all of them or none.
 */

/** Any function. */
export type AnyFunction = (this: unknown, ...args: never[]) => unknown;

/** A property of the machine that is replaced. */
export interface StandIn {
  readonly name: string;
  readonly owner: object;
  readonly key: string;
  readonly before: PropertyDescriptor;
  readonly now: PropertyDescriptor;
  /** True if code under test may replace it by a fake of its own: a simulation does not need it. */
  readonly isOptional: boolean;
}

interface State {
  readonly known: WeakSet<object>;
  /** What stands in front of a stand-in and lets everything through to it. */
  readonly fronts: WeakMap<object, unknown>;
}

const KEY = Symbol.for('dryrunner.ambient.stand-ins');
const context = globalThis as unknown as { [KEY]: StandIn[] | undefined };
/** All that are in place. */
export const standIns: StandIn[] = (context[KEY] ??= []);
/** Those of all contexts of this thread: they share the functions of Node, which must not get one stand-in on top of the other. */
const thread = process as unknown as { [KEY]: State | undefined };
const { known, fronts } = (thread[KEY] ??= { known: new WeakSet(), fronts: new WeakMap() });

/** Puts in place what `install` asks for; if it throws, everything is as before. */
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

/** Replaces a property, if this Node has it; `make` gets what describes the original. */
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
  standIns.push({ name, owner, key, before, now, isOptional });
}

/** The function, or the getter. */
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

function likeOriginal<F extends AnyFunction>(original: F, value: F): F {
  const own = Object.getOwnPropertyDescriptors(original) as Record<string, PropertyDescriptor>;
  Reflect.deleteProperty(own, 'prototype');
  return Object.defineProperties(value, own);
}

/** The same stand-ins in a module that has the functions too. */
export function alsoIn(module: object, moduleName: string, owner: object): void {
  for (const { name, owner: first, key, now } of standIns.slice()) {
    if (first !== owner) continue;
    replaceProperty(`${name} of ${moduleName}`, module, key, (before) => ({
      ...before,
      value: now.value as unknown,
    }));
  }
}

/** True of what shows a simulation, and not the machine, to the code of one. */
export function isVirtual(value: unknown): boolean {
  return standIns.some(({ now, isOptional }) => !isOptional && now.value === value);
}

/** Lets `front`, which changes nothing, stand before what is in place. */
export function noteFront(front: object, original: unknown): void {
  fronts.set(front, original);
}

/** The name of one that somebody else has replaced since; undefined if all are in place. */
export function replacedStandIn(): string | undefined {
  const all = neededStandIns();
  // By a plain loop, and by reading where there is a value: this is done twice for each simulation, and to describe a property takes many times as long.
  for (let at = 0; at < all.length; at += 1) {
    const one = all[at] as NeededStandIn;
    if (one.value !== undefined && one.owner[one.key] === one.value) continue;
    if (isReplaced(one)) return one.name;
  }
  return undefined;
}

/** Those that a simulation needs, and how many there were when they were picked out. */
let needed: readonly NeededStandIn[] = [];
let countAtLast = 0;

interface NeededStandIn {
  readonly name: string;
  readonly owner: Readonly<Record<string, unknown>>;
  readonly key: string;
  readonly now: PropertyDescriptor;
  /** Undefined if it is a getter. */
  readonly value: unknown;
}

/** Five of six are optional. */
function neededStandIns(): readonly NeededStandIn[] {
  if (countAtLast !== standIns.length) {
    needed = standIns
      .filter(({ isOptional }) => !isOptional)
      .map(({ name, owner, key, now }) => ({
        ...{ name, key, now, owner: owner as NeededStandIn['owner'] },
        value: now.get === undefined ? (now.value as unknown) : undefined,
      }));
    countAtLast = standIns.length;
  }
  return needed;
}

/** Puts all in place again that somebody else has replaced. */
export function putBackStandIns(): void {
  for (const one of neededStandIns()) {
    const { owner, key, now } = one;
    if (!isReplaced(one)) continue;
    // Fake timers that are put away later would delete what is not their own.
    const { clock } = Object(Reflect.get(owner, key)) as { clock?: { uninstall?: () => void } };
    clock?.uninstall?.();
    if (isReplaced(one)) Object.defineProperty(owner, key, now);
  }
}

function isReplaced({ owner, key, now }: NeededStandIn): boolean {
  const found = Object.getOwnPropertyDescriptor(owner, key);
  return found?.get !== now.get || behind(found?.value) !== now.value;
}

function behind(value: unknown): unknown {
  let seen = value;
  while (typeof seen === 'function' && fronts.has(seen)) seen = fronts.get(seen);
  return seen;
}
