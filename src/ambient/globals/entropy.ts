/** `Math.random`, and the entropy of `crypto`. */
import crypto from 'node:crypto';
import { hub } from '../hub.ts';
import { keepGlobal, standInFor } from './stand-in.ts';

/** Calls the machine for what the simulation replaces, or only for its check of the arguments. */
function toReplace<T>(call: () => T): T {
  hub.isReplacing = true;
  try {
    return call();
  } finally {
    hub.isReplacing = false;
  }
}

type Deliver<T> = (error: Error | null, value: T) => void;

/** Puts `Math.random` and the entropy of `crypto` under the control of a running simulation. */
export function installEntropy(): void {
  standInFor('Math.random', Math, 'random', (real: () => number) => () => hub.world?.random() ?? real());
  installRandomBytes();
  type RandomInt = (
    this: unknown,
    min: number,
    max?: number | Deliver<number>,
    deliver?: Deliver<number>,
  ) => number | undefined;
  standInFor('crypto.randomInt', crypto, 'randomInt', (real: RandomInt): RandomInt => (min, max, deliver) => {
    const { world } = hub;
    if (world === undefined) return real(min, max, deliver);
    const [from, to, then] = typeof max === 'number' ? [min, max, deliver] : [0, min, max];
    if (then !== undefined && typeof then !== 'function') return real(min, max, deliver);
    toReplace(() => (typeof max === 'number' ? real(min, max) : real(min)));
    const drawn = from + Math.floor(world.random() * (to - from));
    if (then === undefined) return drawn;
    world.setImmediate(then, [undefined, drawn]);
    return undefined;
  });
  installBytes();
}

type RandomBytes = (this: unknown, size: number, deliver?: Deliver<Buffer>) => Buffer | undefined;

function installRandomBytes(): void {
  const randomBytes =
    (real: RandomBytes): RandomBytes =>
    (size, deliver) => {
      const { world } = hub;
      const isDelivered = typeof deliver === 'function';
      if (world === undefined || (deliver !== undefined && !isDelivered)) {
        return deliver === undefined ? real(size) : real(size, deliver);
      }
      const bytes = toReplace(() => real(size)) as Buffer;
      world.fill(bytes);
      if (!isDelivered) return bytes;
      world.setImmediate(deliver, [null, bytes]);
      return undefined;
    };
  standInFor('crypto.randomBytes', crypto, 'randomBytes', randomBytes);
  // Old names of the same function.
  for (const key of ['pseudoRandomBytes', 'prng', 'rng']) {
    // Node makes the property when it is read.
    Reflect.get(crypto, key);
    standInFor(`crypto.${key}`, crypto, key, randomBytes, true);
  }
}

type Fill = (this: unknown, target: ArrayBufferView | ArrayBuffer, ...range: unknown[]) => unknown;

/** The bytes that a call fills. `offset` and `size` count elements, not bytes. */
function bytesIn(target: ArrayBufferView | ArrayBuffer, [offset = 0, size]: readonly unknown[]): Uint8Array {
  const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(target)
    ? target
    : { buffer: target, byteOffset: 0, byteLength: target.byteLength };
  const { BYTES_PER_ELEMENT: width = 1 } = target as { readonly BYTES_PER_ELEMENT?: number };
  const from = Number(offset) * width;
  return new Uint8Array(
    buffer,
    byteOffset + from,
    size === undefined ? byteLength - from : Number(size) * width,
  );
}

function installBytes(): void {
  type RandomUuid = (this: unknown, options?: object) => string;
  const uuids = (real: RandomUuid): RandomUuid =>
    function (options) {
      const { world } = hub;
      if (world === undefined) return real.call(this, options);
      // The original throws for invalid options, and that of the global for any other receiver.
      if (options !== undefined || this !== globalThis.crypto) toReplace(() => real.call(this, options));
      const bytes = Buffer.alloc(16);
      world.fill(bytes);
      bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
      bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
      return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    };
  const fills = (real: Fill): Fill =>
    function (target, ...range) {
      if (hub.world === undefined) return real.call(this, target, ...range);
      const result = toReplace(() => real.call(this, target, ...range));
      hub.world.fill(bytesIn(target, range));
      return result;
    };
  standInFor('crypto.randomUUID', crypto, 'randomUUID', uuids);
  standInFor('crypto.getRandomValues', crypto, 'getRandomValues', fills);
  standInFor('crypto.randomFillSync', crypto, 'randomFillSync', fills);
  standInFor('crypto.randomFill', crypto, 'randomFill', (real: Fill): Fill => (target, ...given) => {
    const { world } = hub;
    const deliver = given.at(-1);
    if (world === undefined || typeof deliver !== 'function') return real(target, ...given);
    const range = given.slice(0, -1);
    // Throws for the arguments that `randomFill` rejects.
    crypto.randomFillSync(target as Uint8Array, ...(range as [number?, number?]));
    world.setImmediate(deliver, [null, target]);
    return undefined;
  });
  keepGlobal('crypto');
  const web = Object.getPrototypeOf(globalThis.crypto) as object;
  standInFor('crypto.randomUUID', web, 'randomUUID', uuids);
  standInFor('crypto.getRandomValues', web, 'getRandomValues', fills);
}
