/**
 * An object that stands for another: everything that is done to it is done to the other, and each call of a method goes
 * through a function first. Invariants: methods and getters run on the other object itself, which has the private
 * fields; a method is the same function each time it is read, until the object has another one in its place.
 */

type Method = (...args: unknown[]) => unknown;

/** A call of a method of the object. */
export interface ForwardedCall {
  readonly name: PropertyKey;
  /** As the object has it: `Reflect.apply(method, target, args)` performs the call. */
  readonly method: Method;
  readonly args: unknown[];
}

/**
 * Returns a proxy of `target` whose methods return what `perform` does. It differs from `target` in this: it cannot be
 * frozen or get a property that cannot be configured, and does not show that `target` is or has one.
 */
export function forwardingProxy<T extends object>(target: T, perform: (call: ForwardedCall) => unknown): T {
  const methods = new ForwardedMethods(perform);
  return new Proxy(standInFor(target), {
    get: (_, name) => methods.of(name, Reflect.get(target, name, target)),
    set: (_, name, value) => Reflect.set(target, name, methods.originalOf(value), target),
    has: (_, name) => Reflect.has(target, name),
    deleteProperty: (_, name) => Reflect.deleteProperty(target, name),
    ownKeys: () => Reflect.ownKeys(target),
    getOwnPropertyDescriptor(_, name) {
      const found = Reflect.getOwnPropertyDescriptor(target, name);
      if (found === undefined) return undefined;
      // The language refuses any other answer about a property that the stand-in does not have.
      const shown = { ...found, configurable: true };
      return 'value' in found ? { ...shown, value: methods.of(name, found.value) } : shown;
    },
    defineProperty(_, name, property) {
      if (property.configurable === false) return false;
      const own = 'value' in property ? { ...property, value: methods.originalOf(property.value) } : property;
      return Reflect.defineProperty(target, name, own);
    },
    getPrototypeOf: () => Reflect.getPrototypeOf(target),
    setPrototypeOf: (_, prototype) => Reflect.setPrototypeOf(target, prototype),
    preventExtensions: () => false,
  });
}

/** An object for the proxy to be made of: one of a frozen object would have to give its methods as they are. */
function standInFor<T extends object>(target: T): T {
  const standIn = Object.create(Object.getPrototypeOf(target) as object | null) as T;
  // Node prints what a proxy is made of, and would print an empty object.
  const print = { value: () => target, configurable: true };
  return Object.defineProperty(standIn, Symbol.for('nodejs.util.inspect.custom'), print);
}

/** The methods of one object as its proxy has them. */
class ForwardedMethods {
  readonly #perform: (call: ForwardedCall) => unknown;
  readonly #forwarded = new Map<PropertyKey, { readonly method: unknown; readonly forwarded: Method }>();
  readonly #originals = new WeakMap<object, Method>();

  constructor(perform: (call: ForwardedCall) => unknown) {
    this.#perform = perform;
  }

  /** A function that forwards calls of the method; anything else as it is, the class of the object too. */
  of(name: PropertyKey, held: unknown): unknown {
    if (typeof held !== 'function' || name === 'constructor') return held;
    const known = this.#forwarded.get(name);
    if (known?.method === held) return known.forwarded;
    const method = held as Method;
    // A proxy, so that properties of the function remain visible.
    const forwarded = new Proxy(method, {
      apply: (_, self, args: unknown[]) => this.#perform({ name, method, args }),
    });
    this.#forwarded.set(name, { method, forwarded });
    this.#originals.set(forwarded, method);
    return forwarded;
  }

  /** The method behind a function that forwards to it: a client that puts back what it read must not wrap it twice. */
  originalOf(value: unknown): unknown {
    return this.#originals.get(value as object) ?? value;
  }
}
