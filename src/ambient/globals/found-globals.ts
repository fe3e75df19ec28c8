/**
 * Globals as one simulation finds them, other than stand-ins: `process.nextTick` and `queueMicrotask`, which a package may
 * have wrapped for good before, and what promises and stand-ins are reached through. Code may replace them while it runs;
 * invariant: what the simulation found is there again after its end, unless code has put back the stand-in itself or has
 * made the property unchangeable.
 */
import { isIn, type StandIn, standIns } from './stand-in.ts';
import { keepTicksCounted } from './timers.ts';

type FoundProperty = Pick<StandIn, 'name' | 'owner' | 'key'>;

const QUEUES: readonly FoundProperty[] = [
  { name: 'process.nextTick', owner: process, key: 'nextTick' },
  { name: 'queueMicrotask', owner: globalThis, key: 'queueMicrotask' },
];

const promises = Promise.prototype;
const then: FoundProperty = { name: 'Promise.prototype.then', owner: promises, key: 'then' };
/** In the order of {@link valuesNow}. */
const VALUES: readonly FoundProperty[] = [
  ...['Promise', 'Math', 'Intl', 'Atomics', 'AbortSignal'].map((key) => ({
    name: key,
    owner: globalThis,
    key,
  })),
  then,
];

/** Read as identifiers, which the engine resolves once: this runs twice in each simulation, however small. */
function valuesNow(): readonly unknown[] {
  try {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- is compared, not called
    return [Promise, Math, Intl, Atomics, AbortSignal, promises.then];
  } catch {
    return VALUES.map(valueOf);
  }
}

/** Undefined for one that is deleted, or has become a getter, which may throw. */
function valueOf({ owner, key }: FoundProperty): unknown {
  return Object.getOwnPropertyDescriptor(owner, key)?.value as unknown;
}

/** See above; made when the simulation begins. */
export class FoundGlobals {
  readonly #queues = QUEUES.map(({ owner, key }) => Object.getOwnPropertyDescriptor(owner, key));
  readonly #values = valuesNow();

  /** The name of one that was replaced meanwhile; undefined if there is none. */
  replaced(): string | undefined {
    // Vitest may have put back the original.
    keepTicksCounted();
    const queue = QUEUES.find((_, at) => this.#isReplaced(at));
    if (queue !== undefined) return queue.name;
    const now = valuesNow();
    for (let at = 0; at < now.length; at += 1) if (now[at] !== this.#values[at]) return VALUES[at]?.name;
    return undefined;
  }

  restore(): void {
    for (const [at, { owner, key }] of QUEUES.entries()) {
      if (!this.#isReplaced(at)) continue;
      const found = this.#queues[at];
      if (found === undefined) Reflect.deleteProperty(owner, key);
      else Reflect.defineProperty(owner, key, found);
    }
    const now = valuesNow();
    for (const [at, { owner, key }] of VALUES.entries()) {
      const value = this.#values[at];
      if (now[at] === value) continue;
      Reflect.defineProperty(owner, key, { value, writable: true, configurable: true, enumerable: false });
    }
  }

  #isReplaced(at: number): boolean {
    const { name, owner, key } = QUEUES[at] as FoundProperty;
    if (isIn(owner, { key, now: this.#queues[at] })) return false;
    const standIn = standIns.find((one) => one.name === name);
    return standIn === undefined || !isIn(owner, standIn);
  }
}
