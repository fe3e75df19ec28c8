/** `Math.random`, and the entropy of `crypto`. */
import crypto from 'node:crypto';
import { hub } from '../hub.ts';
import { standInFor } from './stand-in.ts';

type Deliver<T> = (error: Error | null, value: T) => void;

export function installEntropy(): void {
  standInFor('Math.random', Math, 'random', (real: () => number) => () => hub.world?.random() ?? real());
  type RandomBytes = (this: unknown, size: number, deliver?: Deliver<Buffer>) => Buffer | undefined;
  standInFor(
    'crypto.randomBytes',
    crypto,
    'randomBytes',
    (real: RandomBytes): RandomBytes =>
      (size, deliver) => {
        const { world } = hub;
        if (world === undefined) return deliver === undefined ? real(size) : real(size, deliver);
        const bytes = real(size) as Buffer;
        world.fill(bytes);
        if (deliver === undefined) return bytes;
        world.setImmediate(deliver, [null, bytes]);
        return undefined;
      },
  );
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
    real(from, to);
    const drawn = from + Math.floor(world.random() * (to - from));
    if (then === undefined) return drawn;
    world.setImmediate(then, [null, drawn]);
    return undefined;
  });
  installBytes();
}

function installBytes(): void {
  type RandomUuid = (this: unknown, options?: object) => string;
  const uuids = (real: RandomUuid): RandomUuid =>
    function (options) {
      const { world } = hub;
      if (world === undefined) return real.call(this, options);
      const bytes = Buffer.alloc(16);
      world.fill(bytes);
      bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
      bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
      return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    };
  type Fill = (this: unknown, target: ArrayBufferView, ...range: unknown[]) => unknown;
  const fills = (real: Fill): Fill =>
    function (target, ...range) {
      const result = real.call(this, target, ...range);
      const { world } = hub;
      if (world !== undefined) {
        world.fill(new Uint8Array(target.buffer, target.byteOffset, target.byteLength));
      }
      return result;
    };
  standInFor('crypto.randomUUID', crypto, 'randomUUID', uuids);
  standInFor('crypto.getRandomValues', crypto, 'getRandomValues', fills);
  standInFor('crypto.randomFillSync', crypto, 'randomFillSync', fills);
  const web = Object.getPrototypeOf(globalThis.crypto) as object;
  standInFor('crypto.randomUUID', web, 'randomUUID', uuids);
  standInFor('crypto.getRandomValues', web, 'getRandomValues', fills);
}
