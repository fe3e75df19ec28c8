// Values that a caller from plain JavaScript can get wrong, or a stranger can send: of every type, extreme, without a prototype, and such
// as throw when they are looked at. No text among them names a place at which anything could be made.
import fc from 'fast-check';

/** What getters, proxies and conversions of these values throw; it must never come out of a door. */
class Trap extends Error {
  override readonly name = 'Trap';
}

function spring(): never {
  throw new Trap('a value of the caller threw');
}

const TRAPS: ProxyHandler<object> = Object.fromEntries(
  ['get', 'has', 'ownKeys', 'getOwnPropertyDescriptor', 'getPrototypeOf', 'set', 'apply', 'construct'].map(
    (trap) => [trap, spring],
  ),
);

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function cyclic(): object {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  return value;
}

/** The name of each kind, and what makes one. Made anew each time: calls may keep or freeze them. */
const HOSTILE: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  '0': () => 0,
  '-1': () => -1,
  '0.5': () => 0.5,
  NaN: () => Number.NaN,
  Infinity: () => Number.POSITIVE_INFINITY,
  '-Infinity': () => Number.NEGATIVE_INFINITY,
  '2^53': () => 2 ** 53,
  '1e308': () => 1e308,
  '10n': () => 10n,
  "''": () => '',
  'a path to nowhere': () => '/proc/no/such/0',
  'a text with NUL': () => 'x\0y',
  'a long text': () => `/no/such/${'x'.repeat(100_000)}`,
  'a symbol': () => Symbol('hostile'),
  'a known symbol': () => Symbol.iterator,
  '{}': () => ({}),
  'an object without prototype': () => Object.create(null) as object,
  'an object that converts to nothing': () => ({ toString: undefined, valueOf: undefined }),
  'an object that throws when converted': () => ({ toString: spring, valueOf: spring, toJSON: spring }),
  'a cyclic object': cyclic,
  'a frozen object': () => Object.freeze({}),
  '[]': () => [],
  '[undefined]': () => [undefined],
  '[null]': () => [null],
  '[a symbol]': () => [Symbol('hostile')],
  '[an object without prototype]': () => [Object.create(null)],
  'a list with a hole': () => new Array<unknown>(2),
  'a list with a proxy that throws': () => [new Proxy({}, TRAPS)],
  'a list without an iterator': () => ({ [Symbol.iterator]: () => ({}) }),
  'a list whose iterator cannot be made': () => ({ [Symbol.iterator]: spring }),
  'a function': () => () => undefined,
  'an async function': () => async () => undefined,
  'a map': () => new Map([[Symbol('key'), null]]),
  'a set': () => new Set([null]),
  'a date that is none': () => new Date(Number.NaN),
  bytes: () => new Uint8Array(3),
  'an error': () => new Error('of the caller'),
  'a revoked proxy': revoked,
  'a proxy that throws': () => new Proxy({}, TRAPS),
  'a function that is a proxy and throws': () => new Proxy(() => undefined, TRAPS),
};

/** A kind of value. */
export interface Hostile {
  readonly kind: string;
  readonly make: () => unknown;
}

/** Every kind. */
export const HOSTILE_KINDS: readonly Hostile[] = Object.entries(HOSTILE).map(([kind, make]) => ({
  kind,
  make,
}));

/** An object with these fields, of which each throws when it is read. */
export function withThrowingGetters(fields: readonly string[]): object {
  return Object.defineProperties(
    {},
    Object.fromEntries(fields.map((field) => [field, { get: spring, enumerable: true }])),
  );
}

/** One kind. */
export const hostile: fc.Arbitrary<Hostile> = fc.constantFrom(...HOSTILE_KINDS);
